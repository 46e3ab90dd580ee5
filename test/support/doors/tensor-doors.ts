/**
 * The doors of tensors: the Open Inference Protocol and TensorFlow Serving, over every transport.
 */

import type { Plain } from "../grpc-client.ts";
import { bytesOf, type ClientTensor, valuesOf } from "../oip-client.ts";
import { call, onSocket, postExact, postText, streamed, throwError } from "./ask.ts";
import type { Door } from "./door.ts";
import { exactText, flat, jsonElements, parseExact, protoElements } from "./exact-json.ts";
import { isHalf, noJson, type Part, type Question, Refused, tensorParts } from "./question.ts";

const anything = (): undefined => undefined;
const all = ({ truth }: Question): Part[] => tensorParts(truth);
const json = ({ inputs, truth }: Question): string | undefined => noJson([...inputs, ...truth]);

interface JsonOutputs {
  readonly outputs: readonly { readonly name: string; readonly data: unknown }[];
}

/** The Open Inference Protocol in JSON. */
export function jsonRequest(inputs: readonly ClientTensor[]): Plain {
  return {
    id: "1",
    inputs: inputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      return { name, datatype, shape, data: jsonElements(tensor) };
    }),
  };
}

/** The outputs of a reply in JSON. */
export function jsonParts(reply: unknown): Part[] {
  const { outputs } = reply as JsonOutputs;
  return outputs.map(({ name, data }) => ({ name, elements: flat(data) }));
}

const oip = "inference.GRPCInferenceService";
const heads = (inputs: readonly ClientTensor[]) =>
  inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));

/** A ModelInferRequest with raw contents. */
export function rawRequest({ model, inputs }: Question): Plain {
  return {
    model_name: model,
    inputs: heads(inputs),
    raw_input_contents: inputs.map(bytesOf),
  };
}

const typedLists: Readonly<Record<string, string>> = {
  BOOL: "bool_contents",
  INT8: "int_contents",
  INT16: "int_contents",
  INT32: "int_contents",
  INT64: "int64_contents",
  UINT8: "uint_contents",
  UINT16: "uint_contents",
  UINT32: "uint_contents",
  UINT64: "uint64_contents",
  FP32: "fp32_contents",
  FP64: "fp64_contents",
  BYTES: "bytes_contents",
};

function typedRequest({ model, inputs }: Question): Plain {
  return {
    model_name: model,
    inputs: inputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      // Halves have no list of their own; that of floats is refused.
      const list = typedLists[datatype] ?? "fp32_contents";
      return { name, datatype, shape, contents: { [list]: protoElements(tensor) } };
    }),
  };
}

/** The outputs of a ModelInferResponse. */
export function grpcParts(reply: Plain): Part[] {
  const outputs = reply["outputs"] as { name: string; datatype: string }[];
  const raw = reply["raw_output_contents"] as Buffer[];
  return outputs.map(({ name, datatype }, index) => ({
    name,
    elements: valuesOf(raw[index] ?? Buffer.alloc(0), datatype),
  }));
}

const lengthBytes = 4;

/** JSON with the sizes of the raw tensors behind it. */
export function binaryHead(inputs: readonly ClientTensor[]): string {
  const head = { id: "1", parameters: { binary_data_output: true } };
  const sized = inputs.map((tensor) => ({
    ...heads([tensor])[0],
    parameters: { binary_data_size: bytesOf(tensor).length },
  }));
  return JSON.stringify({ ...head, inputs: sized });
}

function binaryMessage(inputs: readonly ClientTensor[]): Buffer {
  const text = Buffer.from(binaryHead(inputs));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, ...inputs.map(bytesOf)]);
}

/** The raw tensors behind `headBytes` bytes of JSON that start at `from`. */
export function binaryParts(body: Buffer, from: number, headBytes: number): Part[] {
  let at = from + headBytes;
  const { outputs } = JSON.parse(body.toString("utf8", from, at)) as {
    outputs: { name: string; datatype: string; parameters: { binary_data_size: number } }[];
  };
  return outputs.map(({ name, datatype, parameters }) => {
    const bytes = body.subarray(at, at + parameters.binary_data_size);
    at += bytes.length;
    return { name, elements: valuesOf(bytes, datatype) };
  });
}

/** Raw tensors over HTTP behind a content type that says how long the JSON is. */
async function askNamedBinary(
  url: string,
  type: string,
  inputs: readonly ClientTensor[],
): Promise<Part[]> {
  const text = Buffer.from(binaryHead(inputs));
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": `${type};json-header-size=${text.length}` },
    body: Buffer.concat([text, ...inputs.map(bytesOf)]),
  });
  const body = Buffer.from(await reply.arrayBuffer());
  if (!reply.ok) throw new Refused(reply.headers.get("x-error-code") ?? "", body.toString());
  const size = (reply.headers.get("content-type") ?? "").split("json-header-size=")[1];
  return binaryParts(body, 0, Number(size ?? body.length));
}

/** The events of a stream of tensors joined again. */
function eventParts(text: string): Part[] {
  const events = text.split("\n\n").filter((each) => each.startsWith("data: "));
  const replies = events.map((event) => parseExact(event.slice("data: ".length)) as Plain);
  for (const each of replies) throwError(each);
  const parts = replies.map(jsonParts);
  return (parts[0] ?? []).map(({ name }, output) => ({
    name,
    elements: parts.flatMap((each) => each[output]?.elements ?? []),
  }));
}

/** Each by its name. */
export const tensorDoors: Readonly<Record<string, Door>> = {
  "OIP REST, JSON": {
    ...{ cannot: json, wanted: all },
    ask: async ({ main }, { model, inputs }) => {
      const url = `${main.url}/v2/models/${model}/infer`;
      return jsonParts(await postExact({ url, body: jsonRequest(inputs) }));
    },
  },
  "OIP events": {
    ...{ cannot: json, wanted: all },
    ask: async ({ main }, { model, inputs }) => {
      const url = `${main.url}/v2/models/${model}/infer_stream`;
      return eventParts(await postText({ url, body: jsonRequest(inputs) }));
    },
  },
  "OIP WebSocket, text": {
    ...{ cannot: json, wanted: all },
    ask: async ({ main }, { model, inputs }) => {
      const message = exactText(jsonRequest(inputs));
      const reply = await onSocket(`${main.url}/v2/models/${model}/ws`, message);
      return jsonParts(parseExact(String(reply)));
    },
  },
  "OIP WebSocket, binary": {
    ...{ cannot: anything, wanted: all },
    ask: async ({ main }, { model, inputs }) => {
      const url = `${main.url}/v2/models/${model}/ws`;
      const reply = (await onSocket(url, binaryMessage(inputs))) as Buffer;
      return binaryParts(reply, lengthBytes, reply.readUInt32LE(0));
    },
  },
  "OIP gRPC, raw": {
    ...{ cannot: anything, wanted: all },
    ask: async ({ main }, question) =>
      grpcParts(await call(main.grpc, `${oip}/ModelInfer`, rawRequest(question))),
  },
  "OIP gRPC, typed": {
    cannot: ({ inputs }) => (inputs.some(isHalf) ? "halves have no typed contents" : undefined),
    wanted: all,
    ask: async ({ main }, question) =>
      grpcParts(await call(main.grpc, `${oip}/ModelInfer`, typedRequest(question))),
  },
  "OIP gRPC, stream": {
    ...{ cannot: anything, wanted: all },
    ask: async ({ main }, question) => {
      const reply = await streamed(main.grpc, `${oip}/ModelStreamInfer`, rawRequest(question));
      const error = String(reply["error_message"] ?? "");
      if (error !== "") throw new Refused("error_message", error);
      return grpcParts(reply["infer_response"] as Plain);
    },
  },
  "SageMaker, binary": {
    ...{ cannot: anything, wanted: all },
    ask: async ({ platform }, { model, inputs }) => {
      const type = "application/vnd.sagemaker-triton.binary+json";
      return await askNamedBinary(`${platform.url}/models/${model}/invoke`, type, inputs);
    },
  },
  "SageMaker, tensors in JSON": {
    // The first tensor tells the body from one of rows.
    cannot: (question) => (question.inputs.length === 0 ? "no tensors" : json(question)),
    wanted: all,
    ask: async ({ platform }, { model, inputs }) => {
      const url = `${platform.url}/models/${model}/invoke`;
      return jsonParts(await postExact({ url, body: jsonRequest(inputs) }));
    },
  },
  "Vertex, binary": {
    ...{ cannot: anything, wanted: all },
    ask: async ({ platform }, { model, inputs }) => {
      const type = "application/vnd.vertex-ai-triton.binary+json";
      return await askNamedBinary(`${platform.url}/vertex?model=${model}`, type, inputs);
    },
  },
};
