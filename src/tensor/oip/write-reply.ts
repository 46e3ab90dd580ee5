/**
 * Writes an inference reply: the JSON text, and the tensors that follow it as raw bytes.
 *
 * What JSON cannot carry (NaN, Infinity, FP16, BF16, bytes that are no UTF-8) is refused with the
 * output's name, never turned into `null`; asked for as binary it travels. Whole numbers of 64 bits
 * are written with all their digits. Numbers are not copied: a binary part is a view of its tensor.
 */
import { writeBinary } from "../binary/write-binary.ts";
import { elementsJsonText } from "../json/element-text.ts";
import { type Tensor, tensorBytes } from "../tensor.ts";

export interface OipReplyOutput {
  readonly name: string;
  readonly tensor: Tensor;
  readonly isBinary: boolean;
}

export interface OipReply {
  /** JSON members that open the reply: `"model_name":"m","model_version":"1"`. */
  readonly names: string;
  /** The request's own id, repeated. */
  readonly id: string | undefined;
  readonly outputs: readonly OipReplyOutput[];
}

export interface OipReplyText {
  readonly text: string;
  /** The binary outputs in the order of the JSON; empty when all outputs are JSON. */
  readonly parts: readonly Uint8Array[];
}

/** @throws OUTPUT_NOT_REPRESENTABLE when a JSON output has a value that JSON has not */
export function writeOipReply(reply: OipReply): OipReplyText {
  const parts: Uint8Array[] = [];
  const id = reply.id === undefined ? "" : `,"id":${JSON.stringify(reply.id)}`;
  let text = `{${reply.names}${id},"outputs":[`;
  for (let index = 0; index < reply.outputs.length; index += 1) {
    const output = reply.outputs[index] as OipReplyOutput;
    const { tensor } = output;
    if (index > 0) text += ",";
    text +=
      `{"name":${JSON.stringify(output.name)},"datatype":"${tensor.dtype}",` +
      `"shape":[${tensor.shape.join(",")}],`;
    if (output.isBinary) {
      text += `"parameters":{"binary_data_size":${tensorBytes(tensor)}}}`;
      parts.push(writeBinary(tensor));
      continue;
    }
    const range = { from: 0, to: tensor.elements.length, name: output.name };
    text += `"data":[${elementsJsonText(tensor, range)}]}`;
  }
  return { text: `${text}]}`, parts };
}
