/**
 * Reads a TensorProto: raw bytes, or the one list of its type.
 *
 * In two walks, because fields come in any order: what is said about the tensor, which is checked
 * against the signature, then its elements. A list of one value fills the shape; what that makes is
 * held to the size that a message may have, so a small message cannot ask for much memory.
 */
import { type Limits, quote, ServingError } from "../../../base/index.ts";
import { checkHead, findInput, type InputChecks } from "../../../model/index.ts";
import { tfsTypes } from "../../../service/index.ts";
import {
  ByteStrings,
  type Dtype,
  dtypeTable,
  type NumericArray,
  type NumericDtype,
  newNumericArray,
  type OipTensor,
  readBinary,
} from "../../../tensor/index.ts";
import { countElements, nextPiece, type Piece, readNumbers } from "../wire/number-list.ts";
import { broken, WireReader, wire } from "../wire/reader.ts";
import { tfsNaming } from "./naming.ts";
import { dtypeOfNumber, foreignLists, type ListRow, lists, typeNumbers } from "./types.ts";

/** The limits that reading a request holds. */
export type TfsLimits = Pick<
  Limits,
  "inputsMax" | "outputsMax" | "rankMax" | "grpcMessageBytesMax"
>;

/** An input ahead of its value. */
export interface TensorHead {
  readonly name: string;
  /** Place among the inputs of the request. */
  readonly position: number;
  readonly checks: InputChecks;
  readonly limits: TfsLimits;
}

/** Keys of the fields: `number << 3 | wire type`. */
const key = { dtype: 8, shape: 18, content: 34, dim: 18, size: 8, unknownRank: 24 } as const;

interface Draft {
  dtype: number;
  readonly shape: number[];
  content: Buffer | undefined;
}

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function readTensor(reader: WireReader, head: TensorHead): OipTensor {
  const { name, position, checks, limits } = head;
  const { bytes, pos, end } = reader;
  const field = `inputs[${quote(name)}]`;
  const plan = findInput(checks, name, position);
  const { dtype: number, shape, content } = readHead(reader, field, limits);
  const dtype = dtypeOf(number, field);
  const count = checkHead(checks, plan, { dtype, shape, position, naming: tfsNaming });
  const list = lists[dtype];
  const values = { field, dtype, shape, count, list, bytesMax: limits.grpcMessageBytesMax };
  const pieces = piecesOf(new WireReader(bytes, pos, end), values);
  const elements =
    content === undefined ? readList(bytes, pieces, values) : readContent(content, pieces, values);
  return { name, dtype, shape, elements };
}

function readHead(reader: WireReader, field: string, limits: TfsLimits): Draft {
  const draft: Draft = { dtype: 0, shape: [], content: undefined };
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.dtype) draft.dtype = reader.int32();
    else if (tag === key.shape) readShape(reader, draft.shape, { field, limits });
    else if (tag === key.content) draft.content = reader.view();
    else reader.skip(tag);
  }
  if (draft.content?.length === 0) draft.content = undefined;
  return draft;
}

interface ShapeOf {
  readonly field: string;
  readonly limits: TfsLimits;
}

function readShape(reader: WireReader, shape: number[], { field, limits }: ShapeOf): void {
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.dim) {
      if (shape.length >= limits.rankMax) throw rankFault(field, limits);
      shape.push(readDim(reader));
    } else if (tag === key.unknownRank && reader.bool()) {
      throw fault(`${field}.tensor_shape.unknown_rank`, "true, expected the sizes of dimensions");
    } else if (tag !== key.unknownRank) reader.skip(tag);
  }
  reader.end = outer;
}

function readDim(reader: WireReader): number {
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  let size = 0;
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.size) size = reader.int64Number();
    else reader.skip(tag);
  }
  reader.end = outer;
  return size;
}

function dtypeOf(number: number, field: string): Dtype {
  const dtype = dtypeOfNumber(number);
  if (dtype !== undefined) return dtype;
  const known = Object.values(typeNumbers).sort((left, right) => left - right);
  const place = `${field}.dtype`;
  const got = number === 0 ? "DT_INVALID (0)" : String(number);
  throw fault(place, `${got} is no type that a model takes, expected one of ${known.join(", ")}`);
}

/** What is known when elements are read. */
interface Values {
  readonly field: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly count: number;
  readonly list: ListRow;
  /** Bytes that a list of one value may fill. */
  readonly bytesMax: number;
}

/** The lists by number; at most one entry a dtype. */
const listNames: ReadonlyMap<number, ListRow> = new Map(
  Object.values(lists).map((row) => [row.number, row]),
);

/** Where the elements of the tensor's list lie. @throws INVALID_INPUT another list has elements */
function piecesOf(reader: WireReader, values: Values): Piece[] {
  const { list, field } = values;
  const pieces: Piece[] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    const number = tag >>> 3;
    const row = listNames.get(number);
    if (row === undefined && !foreignLists.has(number)) {
      reader.skip(tag);
      continue;
    }
    const type = tag & 7;
    if (row !== undefined && type !== wire.bytes && type !== row.element) {
      throw broken(`${field}.${row.name} has wire type ${type}`);
    }
    const piece = nextPiece(reader, tag);
    if (piece.at === piece.end && row?.element !== wire.bytes) continue;
    if (row !== list) throw wrongList(values, row);
    // No piece is empty but a string, so each is at least one element.
    if (pieces.length > values.count) throw wrongCount(values);
    pieces.push(piece);
  }
  return pieces;
}

function readContent(
  content: Buffer,
  pieces: readonly Piece[],
  { field, dtype, shape, list }: Values,
): NumericArray | ByteStrings {
  const place = `${field}.tensor_content`;
  if (pieces.length > 0) throw fault(place, `given beside ${list.name}, expected one of them`);
  if (dtype === "BYTES") throw fault(place, "DT_STRING travels in string_val only");
  return readBinary(content, { field: place, dtype, shape });
}

function readList(
  bytes: Buffer,
  pieces: readonly Piece[],
  values: Values,
): NumericArray | ByteStrings {
  const { count, dtype } = values;
  const found =
    dtype === "BYTES" ? pieces.length : countElements(bytes, pieces, values.list.element);
  const isFill = found === 1 && count > 1;
  if (found !== count && !isFill) throw wrongCount(values, found);
  if (dtype === "BYTES") return readStrings(bytes, pieces, values);
  if (isFill) checkFill(values, dtypeTable[dtype].bytes);
  const { field, list } = values;
  // Small numbers without a sign, and bits, travel as int32 too; only UINT32 has a list of its own.
  const isSigned = dtype !== "UINT32";
  const place = `${field}.${list.name}`;
  const head = { field: place, list: place, dtype, count: found, isSigned };
  const elements = readNumbers(bytes, pieces, head);
  return isFill ? filled(elements, dtype, count) : elements;
}

/** `count` times the one element, bit by bit. */
function filled(one: NumericArray, dtype: NumericDtype, count: number): NumericArray {
  const whole = newNumericArray(dtype, count);
  const bytes = new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
  bytes.set(new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
  for (let done = one.byteLength; done < bytes.length; done *= 2) bytes.copyWithin(done, 0, done);
  return whole;
}

function readStrings(bytes: Buffer, pieces: readonly Piece[], values: Values): ByteStrings {
  const texts = pieces.map(({ at, end }) => bytes.subarray(at, end));
  const only = texts[0];
  if (only === undefined || texts.length === values.count) return ByteStrings.fromBytes(texts);
  checkFill(values, only.length + offsetBytes);
  return ByteStrings.fromBytes(new Array<Uint8Array>(values.count).fill(only));
}

/** What an element takes beside its bytes. */
const offsetBytes = 4;

function checkFill({ field, count, list, bytesMax }: Values, elementBytes: number): void {
  if (count * elementBytes <= bytesMax) return;
  const place = `${field}.${list.name}`;
  const message =
    `${place}: one value that fills ${count} elements makes more than ${bytesMax} bytes ` +
    "(grpcMessageBytesMax)";
  const options = { field: place, limit: "grpcMessageBytesMax" } as const;
  throw new ServingError("LIMIT_EXCEEDED", message, options);
}

function fault(field: string, text: string): ServingError {
  return new ServingError("INVALID_INPUT", `${field}: ${text}`, { field });
}

function rankFault(field: string, { rankMax }: TfsLimits): ServingError {
  const place = `${field}.tensor_shape`;
  const message = `${place}: more than ${rankMax} dimensions are not allowed (rankMax)`;
  return new ServingError("LIMIT_EXCEEDED", message, { field: place, limit: "rankMax" });
}

function wrongList({ field, dtype, list }: Values, row: ListRow | undefined): ServingError {
  const given = row?.name ?? "a list of another type";
  const place = row === undefined ? field : `${field}.${row.name}`;
  return fault(place, `${given} for ${tfsTypes[dtype]}, expected ${list.name} or tensor_content`);
}

function wrongCount({ field, list, count, shape }: Values, found?: number): ServingError {
  const got = found ?? `more than ${count}`;
  const expected = count > 1 ? `${count}, or one that fills all,` : String(count);
  const text = `${got} values, expected ${expected} for shape [${shape.join(",")}]`;
  return fault(`${field}.${list.name}`, text);
}
