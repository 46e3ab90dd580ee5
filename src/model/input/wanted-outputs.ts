/**
 * Turns the names of wanted outputs into places of the signature.
 *
 * Requests that want all outputs share a batch whether they say so or not: all of them, in order,
 * is `undefined`. An output wanted twice is refused, because replies name each output once.
 */
import { didYouMean, quote, ServingError } from "../../base/index.ts";
import type { Signature } from "../signature.ts";
import { listed } from "./check-shape.ts";
import type { InputLimits } from "./input-checks.ts";

/**
 * Indexes of the wanted outputs in the order asked; `undefined` = all in signature order.
 *
 * @throws INVALID_INPUT an unknown name (with a suggestion) or one asked twice
 * @throws LIMIT_EXCEEDED outputsMax
 */
export function wantedOutputs(
  signature: Signature,
  names: readonly string[] | undefined,
  limits: InputLimits,
): readonly number[] | undefined {
  if (names === undefined || names.length === 0) return undefined;
  if (names.length > limits.outputsMax) {
    const message =
      `outputs: ${names.length} outputs, at most ${limits.outputsMax} are allowed ` +
      "(outputsMax)";
    const options = { field: "outputs", limit: "outputsMax" } as const;
    throw new ServingError("LIMIT_EXCEEDED", message, options);
  }
  const indexes: number[] = [];
  let isAllInOrder = names.length === signature.outputs.length;
  for (let position = 0; position < names.length; position += 1) {
    const index = outputIndex(signature, names[position] as string, position);
    if (indexes.includes(index)) throw askedTwice(names[position] as string, position);
    indexes.push(index);
    if (index !== position) isAllInOrder = false;
  }
  return isAllInOrder ? undefined : indexes;
}

function outputIndex(signature: Signature, name: string, position: number): number {
  const index = signature.outputs.findIndex((output) => output.name === name);
  if (index !== -1) return index;
  const known = signature.outputs.map((output) => output.name);
  throw new ServingError(
    "INVALID_INPUT",
    `outputs[${position}]: the model has no output ${quote(name)}: ` +
      `expected ${listed(known)}${didYouMean(name, known)}`,
    { field: `outputs[${position}].name` },
  );
}

function askedTwice(name: string, position: number): ServingError {
  const message = `outputs[${position}] ${quote(name)}: asked twice, expected once`;
  return new ServingError("INVALID_INPUT", message, { field: `outputs[${position}].name` });
}
