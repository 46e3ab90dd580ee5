/**
 * What a body of `/invocations` is by its content type, and which form its answer takes by Accept.
 */
import { quote, ServingError } from "../../../base/index.ts";

/** A body's format; `tensors` is JSON with raw tensors behind it. */
export type Media =
  | { readonly kind: "json" | "csv" | "lines" }
  | { readonly kind: "tensors"; readonly type: string; readonly headerBytes: string };

const expected =
  "application/json, application/jsonlines, text/csv or " +
  "application/vnd.sagemaker-triton.binary+json;json-header-size=N";

/** Static: the spellings of each type. */
const kinds = new Map<string, "json" | "csv" | "lines">([
  ["", "json"],
  ["application/json", "json"],
  ["text/json", "json"],
  ["application/x-www-form-urlencoded", "json"],
  ["text/csv", "csv"],
  ["application/csv", "csv"],
  ["application/jsonlines", "lines"],
  ["application/x-jsonlines", "lines"],
  ["application/jsonl", "lines"],
  ["application/x-ndjson", "lines"],
]);

/** Raw tensors as SageMaker and Vertex announce them for Triton. */
const tensorTypes: readonly string[] = [
  "application/vnd.sagemaker-triton.binary+json",
  "application/vnd.vertex-ai-triton.binary+json",
];

/** @throws UNSUPPORTED_MEDIA_TYPE another type or charset @throws INVALID_REQUEST no header size */
export function mediaOf(contentType: string): Media {
  const [type, ...parameters] = partsOf(contentType);
  const charset = parameterOf(parameters, "charset") ?? "utf-8";
  if (charset !== "utf-8" && charset !== "utf8" && charset !== "us-ascii") {
    throw unsupported(`charset ${quote(charset)} is not read, expected utf-8`);
  }
  const kind = kinds.get(type) ?? (type.endsWith("+json") ? "json" : undefined);
  if (tensorTypes.includes(type)) {
    const headerBytes = parameterOf(parameters, "json-header-size");
    if (headerBytes !== undefined) return { kind: "tensors", type, headerBytes };
    const message =
      "header 'content-type': json-header-size is missing, expected the bytes of JSON";
    throw new ServingError("INVALID_REQUEST", message, { field: "content-type" });
  }
  if (kind === undefined) throw unsupported(`${quote(type)} is not read, expected ${expected}`);
  return { kind };
}

/** The form of an answer: the best of those that the caller accepts, JSON where none is named. */
export function answerOf(accept: string): "json" | "csv" | "lines" {
  let best: "json" | "csv" | "lines" = "json";
  let bestQuality = 0;
  for (const part of accept.split(",")) {
    const [type, ...parameters] = partsOf(part);
    const kind = type === "" ? undefined : (kinds.get(type) ?? (isAny(type) ? "json" : undefined));
    const quality = Number(parameterOf(parameters, "q") ?? 1);
    if (kind === undefined || !(quality > bestQuality)) continue;
    best = kind;
    bestQuality = quality;
  }
  return best;
}

function isAny(type: string): boolean {
  return type === "*/*" || type === "application/*";
}

function partsOf(text: string): [type: string, ...parameters: string[]] {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  return [type, ...parameters];
}

function parameterOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((each) => each.startsWith(`${name}=`));
  if (found === undefined) return undefined;
  const value = found.slice(name.length + 1);
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function unsupported(what: string): ServingError {
  const message = `header 'content-type': ${what}`;
  return new ServingError("UNSUPPORTED_MEDIA_TYPE", message, { field: "content-type" });
}
