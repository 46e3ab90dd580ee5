/**
 * Refuses a model that nobody could ask: one whose smallest legal request is over the limits.
 *
 * The shapes come from a stranger, and inputs are made up from them before anybody sends one: a
 * declared dimension of 2^31 would have us fill gigabytes. Products are taken as bigint, because
 * eight dimensions overflow a double. Free dimensions count as one, optional inputs not at all.
 */
import { type Limits, quote, ServingError } from "../../base/index.ts";
import { dtypeTable } from "../../tensor/index.ts";
import type { InputSpec, Signature } from "../signature.ts";

/** Bytes of an empty BYTES element in a body: its length. */
const emptyTextBytes = 4n;

/** @throws MODEL_INVALID naming the input, what it needs and the limit */
export function checkSendable(
  { inputs }: Signature,
  limits: Pick<Limits, "elementsMax" | "binaryBodyBytesMax">,
): void {
  let bytes = 0n;
  for (const input of inputs) {
    if (input.isOptional) continue;
    const elements = leastElements(input);
    if (elements > BigInt(limits.elementsMax)) throw unsendable(input, elements, limits);
    const { dtype } = input;
    bytes += elements * (dtype === "BYTES" ? emptyTextBytes : BigInt(dtypeTable[dtype].bytes));
  }
  const bytesMax = limits.binaryBodyBytesMax;
  if (bytes <= BigInt(bytesMax)) return;
  const message =
    `the smallest request has ${bytes} bytes, and a body may have ${bytesMax} ` +
    "(binaryBodyBytesMax): raise the limit, or export the model with smaller inputs";
  throw new ServingError("MODEL_INVALID", message, { limit: "binaryBodyBytesMax" });
}

function leastElements({ shape }: InputSpec): bigint {
  let elements = 1n;
  for (const size of shape) elements *= BigInt(size >= 0 ? size : 1);
  return elements;
}

function unsendable(
  { name }: InputSpec,
  elements: bigint,
  { elementsMax }: Pick<Limits, "elementsMax">,
): ServingError {
  const message =
    `input ${quote(name)} has at least ${elements} elements, and a tensor may have ` +
    `${elementsMax} (elementsMax): raise the limit, or export the model with a smaller input`;
  return new ServingError("MODEL_INVALID", message, { limit: "elementsMax" });
}
