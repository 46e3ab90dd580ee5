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

/** What the list of wanted outputs has to hold. */
export interface OutputRules extends Pick<InputLimits, "outputsMax"> {
  /** The caller's word for the list; `outputs` when absent. */
  readonly field?: string;
}

/**
 * Indexes of the wanted outputs in the order asked; `undefined` = all in signature order.
 *
 * @throws INVALID_INPUT an unknown name (with a suggestion) or one asked twice
 * @throws LIMIT_EXCEEDED outputsMax
 */
export function wantedOutputs(
  signature: Signature,
  names: readonly string[] | undefined,
  rules: OutputRules,
): readonly number[] | undefined {
  if (names === undefined || names.length === 0) return undefined;
  const { outputsMax, field = "outputs" } = rules;
  if (names.length > outputsMax) {
    const allowed = `at most ${outputsMax} are allowed (outputsMax)`;
    const message = `${field}: ${names.length} outputs, ${allowed}`;
    const options = { field, limit: "outputsMax" } as const;
    throw new ServingError("LIMIT_EXCEEDED", message, options);
  }
  const indexes: number[] = [];
  let isAllInOrder = names.length === signature.outputs.length;
  for (let position = 0; position < names.length; position += 1) {
    const name = names[position] as string;
    const place = { field, position };
    const index = outputIndex(signature, name, place);
    if (indexes.includes(index)) throw askedTwice(name, place);
    indexes.push(index);
    if (index !== position) isAllInOrder = false;
  }
  return isAllInOrder ? undefined : indexes;
}

interface OutputPlace {
  readonly field: string;
  readonly position: number;
}

function outputIndex(signature: Signature, name: string, place: OutputPlace): number {
  const index = signature.outputs.findIndex((output) => output.name === name);
  if (index !== -1) return index;
  const known = signature.outputs.map((output) => output.name);
  throw new ServingError(
    "INVALID_INPUT",
    `${place.field}[${place.position}]: the model has no output ${quote(name)}: ` +
      `expected ${listed(known)}${didYouMean(name, known)}`,
    { field: nameField(place) },
  );
}

function askedTwice(name: string, place: OutputPlace): ServingError {
  const message = `${place.field}[${place.position}] ${quote(name)}: asked twice, expected once`;
  return new ServingError("INVALID_INPUT", message, { field: nameField(place) });
}

function nameField({ field, position }: OutputPlace): string {
  return field === "outputs" ? `outputs[${position}].name` : `${field}[${position}]`;
}
