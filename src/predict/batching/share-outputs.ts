/**
 * Checks what the engine gave and cuts it into the shares of the requests.
 *
 * Dtype and item count are enforced, because a request would get a neighbour's rows otherwise; the
 * shape that the artifact declares is advisory, because real exports get it wrong.
 */
import { isLarge, markShared, markSole, ServingError } from "../../base/index.ts";
import type { OutputSpec, Signature } from "../../model/index.ts";
import {
  ByteStrings,
  concatItems,
  elementCount,
  type NumericArray,
  sliceItems,
  type Tensor,
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

/** The shares of the entries of a run, in their order; none for one that nobody waits for. */
export function sharesOf(
  entries: readonly Entry[],
  outputs: readonly Tensor[],
): (readonly Tensor[] | undefined)[] {
  let from = 0;
  return entries.map((entry) => {
    const to = from + entry.items;
    const share = isSettled(entry)
      ? undefined
      : outputs.map((output) => sliceItems(output, from, to));
    from = to;
    return share;
  });
}

/**
 * Says who looks at the memory of a large answer, so that it is used again when all have. Where
 * several share it, strings and empty shares leave it to the collector: they begin nowhere.
 */
export function markUsers(
  outputs: readonly Tensor[],
  shares: readonly (readonly Tensor[] | undefined)[],
): void {
  const memory = outputs.map(({ elements }) => elements).filter(isNumeric);
  if (!memory.some(({ buffer }) => isLarge(buffer))) return;
  if (shares.length === 1) {
    for (const { buffer } of memory) markSole(buffer);
  } else if (memory.length === outputs.length) {
    const parts = shares.flatMap((share) => share?.map(({ elements }) => elements) ?? []);
    markShared(parts.filter(isNumeric));
  }
}

function isNumeric(elements: Tensor["elements"]): elements is NumericArray {
  return !(elements instanceof ByteStrings);
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
