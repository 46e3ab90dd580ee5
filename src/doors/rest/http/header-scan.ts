/**
 * The few headers that Millrace reads, taken from the raw list in one pass.
 *
 * Node's `request.headers` builds an object of all of them on first use; most requests carry five
 * headers of which two matter here. Names are compared by length first, then without case. A header
 * that is sent twice keeps its first value.
 */

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
}

type Field = keyof RequestHeaders;

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
  };
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const candidates = byLength[name.length];
    if (candidates === undefined || candidates.length === 0) continue;
    const lower = name.toLowerCase();
    for (const [wanted, field] of candidates) {
      if (lower === wanted && headers[field] === "") headers[field] = raw[index + 1] ?? "";
    }
  }
  return headers;
}
