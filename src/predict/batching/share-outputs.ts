/**
 * Checks what the engine gave and cuts it into the shares of the requests.
 *
 * Dtype and item count are enforced, because a request would get a neighbour's rows otherwise; the
 * shape that the artifact declares is advisory, because real exports get it wrong.
 */
import {
  giveBackLarge,
  isLarge,
  largeBytesMin,
  markShared,
  markSole,
  ServingError,
  takeLarge,
} from "../../base/index.ts";
import type { OutputSpec, Signature } from "../../model/index.ts";
import {
  ByteStrings,
  concatItems,
  elementCount,
  type NumericArray,
  sliceItems,
  type Tensor,
  viewNumeric,
} from "../../tensor/index.ts";
import { type Entry, isSettled, type Whole } from "./entry.ts";

/** What a run promised: the wanted outputs, and the items that went in, padding counted. */
export interface OutputPromise {
  readonly wanted: readonly number[] | undefined;
  readonly items: number;
}

/** What is wrong with the outputs, or `undefined`. */
export function outputFault(
  outputs: readonly Tensor[],
  promise: OutputPromise,
  signature: Signature,
): ServingError | undefined {
  const { wanted, items } = promise;
  const count = wanted?.length ?? signature.outputs.length;
  if (outputs.length !== count) {
    return invalid(`expected ${count} outputs, got ${outputs.length}`);
  }
  for (let index = 0; index < count; index += 1) {
    const spec = signature.outputs[wanted?.[index] ?? index];
    const output = outputs[index];
    if (spec === undefined || output === undefined) return invalid("an output is missing");
    const fault = tensorFault(output, spec, signature.layout.kind === "none" ? undefined : items);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function tensorFault(
  output: Tensor,
  spec: OutputSpec,
  items: number | undefined,
): ServingError | undefined {
  if (output.dtype !== spec.dtype) {
    return invalid(`output ${spec.name}: expected dtype ${spec.dtype}, got ${output.dtype}`);
  }
  if (items !== undefined && output.shape[0] !== items) {
    const got = output.shape.length === 0 ? "a scalar" : `${output.shape[0]}`;
    return invalid(`output ${spec.name}: expected ${items} items, got ${got}`);
  }
  if (output.elements.length !== elementCount(output.shape)) {
    return invalid(`output ${spec.name}: its elements do not fit its shape`);
  }
  return undefined;
}

function invalid(what: string): ServingError {
  return new ServingError("MODEL_OUTPUT_INVALID", `the model broke its signature: ${what}`);
}

/** An answer that waits for its reader keeps at most so many times its own bytes from others, */
const heldFactorMax = 2;
/** and so many more: memory is made in such pieces, and small frames share one. */
const pieceBytes = 64 * 1024;

/**
 * The shares of the entries of a run, in their order; none for one that nobody waits for. They are
 * views of the outputs, but for small shares of large ones, which would keep all of it.
 */
export function sharesOf(
  entries: readonly Entry[],
  outputs: readonly Tensor[],
): (readonly Tensor[] | undefined)[] {
  const memory = memoryOf(outputs);
  let from = 0;
  const shares = entries.map((entry) => {
    const to = from + entry.items;
    const share = isSettled(entry)
      ? undefined
      : outputs.map((output) => sliceItems(output, from, to));
    from = to;
    // Slices of one request are joined, and let go, before it is answered.
    if (memory === undefined || share === undefined || entry.whole !== undefined) return share;
    const heldBytesMax = heldFactorMax * bytesOf(share) + pieceBytes;
    return memory.byteLength > heldBytesMax ? share.map(inOwnMemory) : share;
  });
  if (memory !== undefined && isLarge(memory)) markShares(memory, outputs, shares);
  return shares;
}

/** The only request of its run has the outputs for itself. */
export function markAnswer(outputs: readonly Tensor[]): void {
  for (const { buffer } of numericOf(outputs)) markSole(buffer);
}

/**
 * Says who looks at the memory of a large answer, so that it is used again when all have. Strings
 * are read at a time that is not known here: an answer with some is left to the collector.
 */
function markShares(
  memory: ArrayBufferLike,
  outputs: readonly Tensor[],
  shares: readonly (readonly Tensor[] | undefined)[],
): void {
  const all = numericOf(outputs);
  if (all.length < outputs.length || all.some(({ buffer }) => buffer !== memory)) return;
  const parts = shares.flatMap((share) => numericOf(share ?? []));
  const views = parts.filter(({ buffer }) => buffer === memory);
  if (views.length > 0) {
    markShared(views);
    return;
  }
  markSole(memory);
  giveBackLarge(new Uint8Array(memory));
}

function numericOf(tensors: readonly Tensor[]): NumericArray[] {
  const arrays: NumericArray[] = [];
  for (const { elements } of tensors) {
    if (!(elements instanceof ByteStrings)) arrays.push(elements);
  }
  return arrays;
}

/** Where the outputs lie; `undefined` when that is not worth a thought. */
function memoryOf(outputs: readonly Tensor[]): ArrayBufferLike | undefined {
  for (const { elements } of outputs) {
    if (elements instanceof ByteStrings) continue;
    if (elements.buffer.byteLength > pieceBytes) return elements.buffer;
  }
  return undefined;
}

function bytesOf(share: readonly Tensor[]): number {
  return numericOf(share).reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Strings are copied when they are written. */
function inOwnMemory(tensor: Tensor): Tensor {
  if (tensor.dtype === "BYTES") return tensor;
  const { elements, dtype, shape } = tensor;
  const { buffer, byteOffset, byteLength, length } = elements;
  if (byteLength < largeBytesMin) return { dtype, shape, elements: elements.slice() };
  const own = takeLarge(byteLength);
  own.set(new Uint8Array(buffer, byteOffset, byteLength));
  markSole(own.buffer);
  const place = { buffer: own.buffer, byteOffset: 0, length };
  return { dtype, shape, elements: viewNumeric(dtype, place) };
}

/** The answer of a request from those of its slices. REQUIRES: every slice has answered. */
export function joinShares(whole: Whole): readonly Tensor[] | ServingError {
  const first = whole.outputs[0] ?? [];
  const joined: Tensor[] = [];
  for (let index = 0; index < first.length; index += 1) {
    const parts: Tensor[] = [];
    for (const outputs of whole.outputs) {
      const part = outputs?.[index];
      if (part !== undefined) parts.push(part);
    }
    if (!areAlike(parts)) {
      return invalid("slices of one request were answered in different shapes");
    }
    joined.push(concatItems(parts));
  }
  return joined;
}

function areAlike(parts: readonly Tensor[]): boolean {
  const first = parts[0]?.shape.slice(1).join();
  return parts.every((part) => part.shape.slice(1).join() === first);
}
