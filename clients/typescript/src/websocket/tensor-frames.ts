/**
 * What travels on a socket of tensors: a binary frame per request and per reply.
 *
 * A frame is the bytes of its JSON (4 bytes, little endian), the JSON, the raw tensors one after
 * the other. A reply without raw tensors, and every error, is text.
 */
import { textOf } from "../json/fields.ts";
import { type InferWishes, joinBody, writeInferBody } from "../tensor/oip-body.ts";
import type { TensorInput } from "../tensor/tensor.ts";
import { errorOf, parse, type ReplyFrame } from "./frames.ts";

const lengthBytes = 4;

/** A reply before its tensors are read. */
export interface TensorBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the JSON at the front of `bytes`. */
  readonly jsonBytes: number;
}

/** @throws INVALID_INPUT */
export function writeTensorFrame(
  inputs: Readonly<Record<string, TensorInput>>,
  wishes: InferWishes,
): Uint8Array<ArrayBuffer> {
  const body = writeInferBody(inputs, wishes);
  const frame = joinBody(body, lengthBytes);
  new DataView(frame.buffer).setUint32(0, body.json.length, true);
  return frame;
}

/** @returns `undefined` for what is no reply */
export function readTensorFrame(content: unknown): ReplyFrame<TensorBody> | undefined {
  const body = bodyOf(content);
  if (body === undefined) return undefined;
  const json = parse(new TextDecoder().decode(body.bytes.subarray(0, body.jsonBytes)));
  return json === undefined ? undefined : { id: textOf(json, "id"), body, error: errorOf(json) };
}

function bodyOf(content: unknown): TensorBody | undefined {
  if (typeof content === "string") {
    const bytes = new TextEncoder().encode(content);
    return { bytes, jsonBytes: bytes.length };
  }
  if (!(content instanceof ArrayBuffer) || content.byteLength < lengthBytes) return undefined;
  const jsonBytes = new DataView(content).getUint32(0, true);
  const bytes = new Uint8Array(content, lengthBytes);
  return jsonBytes > bytes.length ? undefined : { bytes, jsonBytes };
}
