/**
 * Tells which requests may share a run: those with equal keys.
 *
 * Equal are the dtypes, the shapes beyond the first dimension, the set of given inputs, the wanted
 * outputs and the parameters. Most models fix all of that in the signature, which the request has
 * passed, so their key is one constant and costs nothing; a string is written only for what is left
 * open. Lengths and quotes keep two different requests from writing the same string.
 */
import type { Signature } from "../../model/index.ts";
import type { InferenceRequest } from "../predictor.ts";

/** The key of requests about which nothing is left open. */
export const plainKey = "";

/** Makes the function that gives a request its key. REQUIRES: requests passed the signature. */
export function compatibilityKeys(signature: Signature): (request: InferenceRequest) => string {
  const isOpen = signature.inputs.some(
    (input) => input.isOptional || input.shape.slice(1).includes(-1),
  );
  return (request) => {
    const isPlain = request.outputs === undefined && (request.parameters?.size ?? 0) === 0;
    if (isPlain && !isOpen) return plainKey;
    const inputs = isOpen ? inputsKey(request) : "";
    return `${inputs}|${request.outputs ?? "all"}|${parametersKey(request)}`;
  };
}

function inputsKey(request: InferenceRequest): string {
  let key = "";
  for (const tensor of request.inputs) {
    if (tensor === undefined) {
      key += "-;";
      continue;
    }
    key += tensor.dtype;
    for (let axis = 1; axis < tensor.shape.length; axis += 1) key += `,${tensor.shape[axis]}`;
    key += ";";
  }
  return key;
}

function parametersKey(request: InferenceRequest): string {
  if (request.parameters === undefined || request.parameters.size === 0) return "";
  const names = [...request.parameters.keys()].sort();
  return names
    .map((name) => {
      const value = request.parameters?.get(name);
      return `${JSON.stringify(name)}:${typeof value}:${JSON.stringify(String(value))}`;
    })
    .join(",");
}
