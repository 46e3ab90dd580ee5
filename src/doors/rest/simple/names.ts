/**
 * Finds what a simple body names, and reads nothing else of it.
 */
import { ServingError } from "../../../base/index.ts";
import { JsonReader } from "../../../tensor/index.ts";

export interface SimpleNames {
  readonly modelName: string | undefined;
  readonly modelVersion: string | undefined;
  readonly batchId: string | undefined;
}

export const noNames: SimpleNames = {
  modelName: undefined,
  modelVersion: undefined,
  batchId: undefined,
};

/** @throws INVALID_REQUEST the body is no JSON object @throws LIMIT_EXCEEDED too many levels */
export function readNames(body: Buffer, jsonDepthMax: number): SimpleNames {
  const reader = new JsonReader(body, jsonDepthMax);
  reader.peekByte();
  if (reader.at === body.length) throw emptyBody("'model_name'");
  let { modelName, modelVersion, batchId } = noNames;
  reader.enterObject();
  while (reader.nextMember()) {
    const isText = reader.peek() === "string";
    if (isText && reader.isKey("model_name")) modelName = reader.readString();
    else if (isText && reader.isKey("model_version")) modelVersion = reader.readString();
    else if (isText && reader.isKey("batch_id")) batchId = reader.readString();
    else reader.skipValue();
  }
  return { modelName, modelVersion, batchId };
}

/** @param wanted the keys that a body may hold */
export function emptyBody(wanted: string): ServingError {
  const message = `the body is empty, expected a JSON object with ${wanted}`;
  return new ServingError("INVALID_REQUEST", message);
}
