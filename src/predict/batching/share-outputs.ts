/**
 * Checks what the engine gave and cuts it into the shares of the requests.
 *
 * Dtype and item count are enforced, because a request would get a neighbour's rows otherwise; the
 * shape that the artifact declares is advisory, because real exports get it wrong.
 */
import { ServingError } from "../../base/index.ts";
import type { OutputSpec, Signature } from "../../model/index.ts";
import { concatItems, elementCount, sliceItems, type Tensor } from "../../tensor/index.ts";
import type { Entry, Whole } from "./entry.ts";

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

/** The share of an entry whose items start at `from` in the run. */
export function shareOf(outputs: readonly Tensor[], from: number, entry: Entry): readonly Tensor[] {
  const share: Tensor[] = [];
  for (const output of outputs) share.push(sliceItems(output, from, from + entry.items));
  return share;
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
