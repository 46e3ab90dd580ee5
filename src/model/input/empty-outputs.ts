/**
 * Answers a request that has no items, without the engine.
 *
 * An empty batch kills some models, so it never reaches one. Where every wanted output has a known
 * shape behind its item dimension the answer is clear: the same outputs with 0 items.
 */
import { ServingError } from "../../base/index.ts";
import { ByteStrings, makeTensor, newNumericArray, type Tensor } from "../../tensor/index.ts";
import type { OutputSpec, Signature } from "../signature.ts";

/**
 * The outputs of a request of 0 items.
 *
 * @param wanted indexes of outputs, `undefined` for all
 * @throws INVALID_INPUT when an output's shape is not known without running the model
 */
export function emptyOutputs(
  signature: Signature,
  wanted: readonly number[] | undefined,
): readonly Tensor[] {
  const indexes = wanted ?? signature.outputs.keys();
  const outputs: Tensor[] = [];
  for (const index of indexes) outputs.push(emptyOutput(signature.outputs[index] as OutputSpec));
  return outputs;
}

function emptyOutput(spec: OutputSpec): Tensor {
  const behind = spec.shape.slice(1);
  if (spec.shape.length === 0 || behind.some((size) => size < 0)) {
    throw new ServingError(
      "INVALID_INPUT",
      `inputs: no items, expected at least 1: output '${spec.name}' has shape ` +
        `[${spec.shape.join(",")}], which is not known without running the model`,
      { field: "inputs" },
    );
  }
  const elements =
    spec.dtype === "BYTES" ? ByteStrings.fromBytes([]) : newNumericArray(spec.dtype, 0);
  return makeTensor(spec.dtype, [0, ...behind], elements);
}
