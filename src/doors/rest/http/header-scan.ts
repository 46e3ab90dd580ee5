/**
 * The few headers that Millrace reads, taken from the raw list in one pass.
 *
 * Node's `request.headers` builds an object of all of them on first use; most requests carry five
 * headers of which two matter here. Names are compared by length first, then without case. A header
 * that is sent twice keeps its first value.
 */
import { ServingError } from "../../../base/index.ts";

export interface RequestHeaders {
  contentType: string;
  contentLength: string;
  contentEncoding: string;
  accept: string;
  acceptEncoding: string;
  requestId: string;
  timeoutMs: string;
  priority: string;
  model: string;
  modelVersion: string;
  inferenceHeaderLength: string;
  transferEncoding: string;
  /** How often the name of the server was given. */
  hosts: number;
}

type Field = Exclude<keyof RequestHeaders, "hosts">;

const fields: readonly (readonly [name: string, field: Field])[] = [
  ["content-type", "contentType"],
  ["content-length", "contentLength"],
  ["content-encoding", "contentEncoding"],
  ["accept", "accept"],
  ["accept-encoding", "acceptEncoding"],
  ["x-request-id", "requestId"],
  ["x-amzn-sagemaker-inference-id", "requestId"],
  ["x-request-timeout-ms", "timeoutMs"],
  ["x-request-priority", "priority"],
  ["x-model", "model"],
  ["x-model-version", "modelVersion"],
  ["inference-header-content-length", "inferenceHeaderLength"],
  ["transfer-encoding", "transferEncoding"],
];

const hostLength = 4;
const nameLengthMax = 32;
const byLength: (readonly (readonly [name: string, field: Field])[])[] = [];
for (let length = 0; length <= nameLengthMax; length += 1) {
  byLength.push(fields.filter(([name]) => name.length === length));
}

/** The first header of that name (in lower case) in a raw list; "" when it is absent. */
export function rawHeader(raw: readonly string[], wanted: string): string {
  const at = raw.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === wanted);
  return at === -1 ? "" : (raw[at + 1] ?? "");
}

/**
 * A request of two hosts may mean one server to a proxy and another to us (RFC 9112, 3.2).
 * @throws INVALID_REQUEST none in HTTP/1.1, or several
 */
export function checkHost({ hosts }: RequestHeaders, httpVersionMinor: number): void {
  if (hosts === 1 || (hosts === 0 && httpVersionMinor === 0)) return;
  const message =
    hosts === 0
      ? "header 'host': missing, expected the name of this server (HTTP/1.1)"
      : `header 'host': given ${hosts} times, expected once`;
  throw new ServingError("INVALID_REQUEST", message, { field: "host" });
}

/** Reads the raw header list `[name, value, name, value, ...]`; an absent header is "". */
export function scanHeaders(raw: readonly string[]): RequestHeaders {
  const headers: RequestHeaders = {
    contentType: "",
    contentLength: "",
    contentEncoding: "",
    accept: "",
    acceptEncoding: "",
    requestId: "",
    timeoutMs: "",
    priority: "",
    model: "",
    modelVersion: "",
    inferenceHeaderLength: "",
    transferEncoding: "",
    hosts: 0,
  };
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (name.length === hostLength && name.toLowerCase() === "host") headers.hosts += 1;
    const candidates = byLength[name.length];
    if (candidates === undefined || candidates.length === 0) continue;
    const lower = name.toLowerCase();
    for (const [wanted, field] of candidates) {
      if (lower === wanted && headers[field] === "") headers[field] = raw[index + 1] ?? "";
    }
  }
  return headers;
}
