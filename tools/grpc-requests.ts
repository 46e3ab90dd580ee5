/**
 * Requests of gRPC as they lie on the wire, for tests and measurements, apart from the server's own
 * codec.
 */
import { field, varint } from "./protobuf.ts";

/** A request for the only input of a model. */
export interface InferRequest {
  readonly model: string;
  readonly input?: string;
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly raw: Uint8Array;
}

/** A ModelInferRequest with one raw tensor. */
export function inferRequest({
  model,
  input = "x",
  dtype = "FP32",
  shape,
  raw,
}: InferRequest): Buffer {
  const sizes = Buffer.from(shape.flatMap(varint));
  const tensor = Buffer.concat([field(1, input), field(2, dtype), field(3, sizes)]);
  return Buffer.concat([field(1, model), field(5, tensor), field(7, raw)]);
}

/** A message behind its prefix. @param length what the prefix says of it, byte */
export function prefixed(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}
