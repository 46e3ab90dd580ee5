/**
 * Makes a value fit to cross to another thread, and whole again on the other side.
 *
 * Structured cloning loses classes and the codes of errors, and a view of a large buffer would take
 * the whole buffer along. So strings of tensors and errors are written as plain marked objects, and
 * views that are only a part are copied. What is a tree of plain objects, lists, Maps of scalars
 * and typed arrays comes out as it went in; Maps must not hold objects.
 */
import { isErrorCode, isSole, type LimitName, ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";

export interface Packed {
  readonly value: unknown;
  /** Buffers that are handed over instead of copied; at most one for each view in the value. */
  readonly transfer: readonly ArrayBuffer[];
}

interface PackedStrings {
  readonly packed: "strings";
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

interface PackedError {
  readonly packed: "error";
  readonly code: string;
  readonly message: string;
  readonly field: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly limit: LimitName | undefined;
  /** For the log. */
  readonly cause: string | undefined;
}

/**
 * @param isGiven whether the whole buffer of a view may be handed over; it is empty here afterwards
 */
export function pack(value: unknown, isGiven: (buffer: ArrayBufferLike) => boolean): Packed {
  // At most one entry for each view.
  const transfer = new Set<ArrayBuffer>();
  const walk = (each: unknown): unknown => {
    if (typeof each !== "object" || each === null) return each;
    if (ArrayBuffer.isView(each)) return packView(each, transfer, isGiven);
    if (each instanceof ByteStrings) return packStrings(each, transfer);
    if (ServingError.is(each)) return packError(each);
    if (each instanceof Map) return each;
    if (Array.isArray(each)) return isFlat(each) ? each : each.map(walk);
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, walk(inner)]));
  };
  return { value: walk(value), transfer: [...transfer] };
}

/** Lists of scalars are not walked; they are of one kind. */
function isFlat(list: readonly unknown[]): boolean {
  const first = list[0];
  return typeof first === "number" || typeof first === "string";
}

function packView(
  view: ArrayBufferView,
  transfer: Set<ArrayBuffer>,
  isGiven: (buffer: ArrayBufferLike) => boolean,
): unknown {
  const { buffer } = view;
  const isWhole = view.byteLength === buffer.byteLength;
  // A body lies in memory that is larger than it, and is nobody else's.
  if (buffer instanceof ArrayBuffer && isGiven(buffer) && (isWhole || isSole(buffer))) {
    transfer.add(buffer);
    return view;
  }
  if (isWhole) return view;
  const copy = copyOf(view);
  if (copy.buffer instanceof ArrayBuffer) transfer.add(copy.buffer);
  return copy;
}

function copyOf(view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  if (view instanceof Uint8Array) return bytes;
  const kind = view.constructor as new (buffer: ArrayBufferLike) => ArrayBufferView;
  return new kind(bytes.buffer);
}

function packStrings(strings: ByteStrings, transfer: Set<ArrayBuffer>): PackedStrings {
  const from = strings.offsets[0] ?? 0;
  const bytes = strings.bytes.slice(from, from + strings.byteLength);
  const offsets = strings.offsets.map((offset) => offset - from);
  transfer.add(bytes.buffer).add(offsets.buffer);
  return { packed: "strings", offsets, bytes };
}

function packError(error: ServingError): PackedError {
  const { code, message, field, retryAfterS, limit } = error;
  const cause = error.cause instanceof Error ? error.cause.stack : undefined;
  return { packed: "error", code, message, field, retryAfterS, limit, cause };
}

/** The value that `pack` was given, as it arrived in another thread. */
export function unpack(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof Map) return value;
  if (Array.isArray(value)) return isFlat(value) ? value : value.map(unpack);
  if ("packed" in value) return unpackMarked(value as PackedStrings | PackedError);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
}

function unpackMarked(value: PackedStrings | PackedError): ByteStrings | ServingError {
  if (value.packed === "strings") return new ByteStrings(value.offsets, value.bytes);
  const { code, message, field, retryAfterS, limit, cause } = value;
  return new ServingError(isErrorCode(code) ? code : "INTERNAL", message, {
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
    ...(field === undefined ? {} : { field }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    ...(limit === undefined ? {} : { limit }),
  });
}
