/**
 * Splits the body of an inference request into its JSON and its binary part, and reads raw ones.
 *
 * `Inference-Header-Content-Length` says how long the JSON is; without it the body is all JSON. The
 * value 0 marks a raw request: the body is the only input's bytes, one item, and its one variable
 * dimension follows from the size (Triton's binary tensor data extension).
 */
import { type Limits, quote, ServingError } from "../../../base/index.ts";
import type { InputSpec, Signature } from "../../../model/index.ts";
import {
  ByteStrings,
  dtypeTable,
  type OipInput,
  type OipTensor,
  readBinary,
} from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkJsonType } from "../http/exchange-work.ts";

export interface SplitBody {
  readonly json: Buffer;
  readonly binary: Buffer;
  /** The body is the only input's bytes; `json` is empty. */
  readonly isRaw: boolean;
  /** Something said where the tensors start. */
  readonly isAnnounced: boolean;
}

const field = "inference-header-content-length";
const noBytes = Buffer.alloc(0);

/** @throws INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE */
export function splitBody(exchange: Exchange, limits: Limits): SplitBody {
  const { body, headers } = exchange;
  const text = headers.inferenceHeaderLength;
  if (text === "") {
    if (headers.contentType.startsWith("application/octet-stream")) throw noHeader();
    checkJsonType(headers.contentType);
    return { json: body, binary: noBytes, isRaw: false, isAnnounced: false };
  }
  const length = wholeOf(text);
  if (Number.isNaN(length) || length > body.length) {
    const expected = `a whole number from 0 to ${body.length}, the bytes of the body`;
    const message = `header '${field}': expected ${expected}, got ${quote(text)}`;
    throw new ServingError("INVALID_REQUEST", message, { field });
  }
  if (length > limits.jsonBodyBytesMax) {
    const message = `the JSON part has ${length} bytes; the limit is ${limits.jsonBodyBytesMax}`;
    throw new ServingError("PAYLOAD_TOO_LARGE", `${message} (jsonBodyBytesMax)`, {
      field,
      limit: "jsonBodyBytesMax",
    });
  }
  return {
    json: body.subarray(0, length),
    binary: body.subarray(length),
    isRaw: length === 0,
    isAnnounced: true,
  };
}

/** @throws INVALID_REQUEST when tensors are announced but nothing says where they start */
export function checkAnnounced({ isAnnounced }: SplitBody, inputs: readonly OipInput[]): void {
  if (isAnnounced) return;
  for (const input of inputs) if (input.binaryBytes !== undefined) throw noHeader();
}

function noHeader(): ServingError {
  const message = `header '${field}': missing, expected the bytes of JSON ahead of the tensors`;
  return new ServingError("INVALID_REQUEST", message, { field });
}

const digitsMax = 10;

/** The number that decimal digits spell, or NaN. */
function wholeOf(text: string): number {
  if (text.length === 0 || text.length > digitsMax) return Number.NaN;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
  }
  return Number(text);
}

/**
 * The only input of a raw request, one item.
 * @throws INVALID_REQUEST when the model's inputs cannot be told from bytes alone
 */
export function readRaw(signature: Signature, bytes: Buffer): readonly OipTensor[] {
  const [spec, ...more] = signature.inputs;
  if (spec === undefined || more.length > 0) {
    const count = signature.inputs.length;
    throw rawFault(`the model has ${count} inputs, expected 1: name them in a JSON header`);
  }
  const { name, dtype } = spec;
  const shape = signature.layout.kind === "none" ? [...spec.shape] : [1, ...spec.shape.slice(1)];
  const free = shape.indexOf(-1);
  if (free !== shape.lastIndexOf(-1)) throw rawFault("more than one dimension is variable");
  if (free !== -1) shape[free] = freeSize(spec, shape, bytes.length);
  if (dtype === "BYTES") {
    if (shape.some((size) => size !== 1)) throw rawFault("a BYTES input takes one element");
    return [{ name, dtype, shape, elements: ByteStrings.fromBytes([bytes]) }];
  }
  const place = `the body as input ${quote(name)}`;
  return [{ name, dtype, shape, elements: readBinary(bytes, { field: place, dtype, shape }) }];
}

/** The variable dimension that fits the bytes best; a wrong rest is found when they are read. */
function freeSize(spec: InputSpec, shape: readonly number[], bytes: number): number {
  if (spec.dtype === "BYTES") return 1;
  let others = 1;
  for (const size of shape) if (size !== -1) others *= size;
  return others === 0 ? 0 : Math.floor(bytes / (others * dtypeTable[spec.dtype].bytes));
}

function rawFault(why: string): ServingError {
  const message = `a raw request (header '${field}: 0') does not fit: ${why}`;
  return new ServingError("INVALID_REQUEST", message, { field });
}
