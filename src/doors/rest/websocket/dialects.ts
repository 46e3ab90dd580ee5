/**
 * How the messages of the two kinds of socket are read and answered.
 *
 * `/predict/ws`: a text message is a body of `POST /predict` with an `id`; so is the reply.
 * `/v2/models/M[/versions/V]/ws`: a text message is a body of `infer`, a binary one is the length
 * of its JSON (4 bytes, little endian), the JSON and the raw tensors; a reply is binary when it
 * holds raw tensors. Everything between bytes and bytes is what HTTP uses.
 */
import { ServingError } from "../../../base/index.ts";
import type { Service } from "../../../service/index.ts";
import { ownBytes } from "../../../tensor/index.ts";
import { beginOn } from "../http/exchange-work.ts";
import type { InferRoute } from "../oip/asked.ts";
import type { SplitBody } from "../oip/body.ts";
import { answerInference } from "../oip/infer.ts";
import type { WrittenInference } from "../oip/reply.ts";
import { findMessageId } from "../simple/message-id.ts";
import { inferSimple, simpleReply } from "../simple/predict.ts";
import type { ReadBody, ReadSimple } from "../simple/read-body.ts";
import type { SocketCall } from "./socket-call.ts";
import type { SocketDialect, SocketReply } from "./socket-session.ts";

/** Messages of the simple dialect. */
export function simpleMessages(service: Service, readBody: ReadBody): SocketDialect {
  const { jsonDepthMax } = service.limits;
  return {
    answer(call) {
      if (call.isBinary) throw noText();
      const read = readBody(call, { isTolerant: false, hasId: true });
      if (read instanceof Promise) return read.then((each) => answerSimple(service, call, each));
      return answerSimple(service, call, read);
    },
    findId: (call) => (call.isBinary ? undefined : findMessageId(call.body, jsonDepthMax)),
  };
}

function answerSimple(
  service: Service,
  call: SocketCall,
  read: ReadSimple,
): string | Promise<string> {
  const { id } = read.decoded;
  call.id = id;
  const write = (response: Awaited<ReturnType<typeof inferSimple>>): string => {
    const text = simpleReply(service, call, { read, response });
    return id === undefined ? text : `{"id":${id},${text.slice(1)}`;
  };
  const response = inferSimple(service, call, read);
  return response instanceof Promise ? response.then(write) : write(response);
}

function noText(): ServingError {
  const message = "this is a binary message, expected text: a JSON body of POST /predict";
  return new ServingError("INVALID_REQUEST", message);
}

/** Messages of the Open Inference Protocol. */
export function oipMessages(route: InferRoute): SocketDialect {
  const { service } = route;
  const { limits } = service;
  return {
    async answer(call) {
      const [model = "", version] = call.terms.parameters;
      const served = service.find(model, version);
      beginOn(call, served);
      const body = splitMessage(call, limits.jsonBodyBytesMax);
      return replyOf(await answerInference(route, call, { served, body }));
    },
    findId(call) {
      const json = call.isBinary ? jsonOf(call.body) : call.body;
      return json === undefined ? undefined : findMessageId(json, limits.jsonDepthMax);
    },
  };
}

const lengthBytes = 4;
const noBytes = Buffer.alloc(0);

function splitMessage({ body, isBinary }: SocketCall, jsonBodyBytesMax: number): SplitBody {
  const json = isBinary ? jsonOf(body) : body;
  if (json === undefined) {
    const most = Math.max(0, body.length - lengthBytes);
    const message =
      "a binary message begins with the bytes of its JSON as 4 bytes, little endian: " +
      `expected at most ${most}, what this message holds`;
    throw new ServingError("INVALID_REQUEST", message);
  }
  if (json.length > jsonBodyBytesMax) {
    const message = `the JSON part has ${json.length} bytes; the limit is ${jsonBodyBytesMax}`;
    const limit = "jsonBodyBytesMax";
    throw new ServingError("PAYLOAD_TOO_LARGE", `${message} (${limit})`, { limit });
  }
  const binary = isBinary ? body.subarray(lengthBytes + json.length) : noBytes;
  return { json, binary, isRaw: isBinary && json.length === 0, isAnnounced: true };
}

/** The JSON part of a binary message; `undefined` when it is not all there. */
function jsonOf(body: Buffer): Buffer | undefined {
  if (body.length < lengthBytes) return undefined;
  const to = lengthBytes + body.readUInt32LE(0);
  return to > body.length ? undefined : body.subarray(lengthBytes, to);
}

function replyOf({ text, parts }: WrittenInference): SocketReply {
  if (parts.length === 0) return String(text);
  const json = typeof text === "string" ? Buffer.from(text) : text;
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(json.length);
  // They wait for their reader: without the frame of the whole batch that they came in.
  return [length, json, ...parts.map(ownBytes)];
}
