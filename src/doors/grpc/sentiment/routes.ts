/**
 * `SentimentService`: a text in, a label and its score out; alone, in a batch, or as a stream.
 *
 * It has no package, as the services that teams write by hand. Contract: proto/sentiment.proto.
 */
import { type Limits, ServingError } from "../../../base/index.ts";
import {
  type Answer,
  bestClass,
  inferTexts,
  predictionOf,
  type Service,
  scoresOf,
  type TextRows,
} from "../../../service/index.ts";
import { messageType, type PlainMessage } from "../messages.ts";
import type { MethodCall, StreamMethod, UnaryMethod } from "../method.ts";
import { modelOf } from "../model-metadata.ts";
import { OrderedReplies, type ReplyFrame } from "../ordered-replies.ts";
import type { GrpcService } from "../routes.ts";
import type { Work } from "../transport/work.ts";

export interface SentimentOptions {
  readonly service: Service;
}

export function sentimentService(options: SentimentOptions): GrpcService {
  const { service } = options;
  const one = oneText();
  return {
    name: "SentimentService",
    methods: {
      Predict: unary(service, one),
      PredictBatch: unary(service, severalTexts(service.limits)),
      PredictStream: stream(options, one),
    },
  };
}

interface Codec {
  decode(message: Buffer): TextRows;
  encode(answer: Answer): Buffer;
}

function oneText(): Codec {
  const request = messageType("PredictRequest");
  const response = messageType("PredictResponse");
  return {
    decode: (message) => ({ field: "text", texts: [String(request.decode(message)["text"])] }),
    encode: (answer) => response.encode(sentimentOf(answer, 0)),
  };
}

function severalTexts({ requestItemsMax }: Limits): Codec {
  const request = messageType("PredictBatchRequest");
  const response = messageType("PredictBatchResponse");
  return {
    decode(message) {
      const requests = request.decode(message)["requests"] as readonly PlainMessage[];
      if (requests.length > requestItemsMax) throw tooMany(requestItemsMax);
      return { field: "requests", texts: requests.map((each) => String(each["text"])) };
    },
    encode(answer) {
      const responses: object[] = [];
      for (let index = 0; index < answer.items; index += 1) {
        responses.push(sentimentOf(answer, index));
      }
      return response.encode({ responses });
    },
  };
}

function tooMany(max: number): ServingError {
  const message = `requests: at most ${max} texts are allowed in one request (requestItemsMax)`;
  const options = { field: "requests", limit: "requestItemsMax" } as const;
  return new ServingError("LIMIT_EXCEEDED", message, options);
}

/** NaN and Infinity have names in the plain form of a message. */
function sentimentOf(answer: Answer, index: number): object {
  const sentiment = String(predictionOf(answer, index) ?? "");
  const { probability, items } = answer;
  const best = probability === undefined ? 0 : bestClass(probability, index, items);
  const confidence = scoresOf(answer, index)[best] ?? 0;
  return { sentiment, confidence: Number.isFinite(confidence) ? confidence : String(confidence) };
}

async function answerOf(codec: Codec, parts: Parts): Promise<Buffer> {
  const { service, call, work, message } = parts;
  const served = modelOf(service, call);
  work.beginOn(served);
  const rows = codec.decode(message);
  work.items = rows.texts.length;
  const frame = codec.encode(await inferTexts(service, work, { served, rows }));
  work.writtenAtMs = service.clock.nowMs();
  return frame;
}

interface Parts {
  readonly service: Service;
  readonly call: MethodCall;
  readonly work: Work;
  readonly message: Buffer;
}

function unary(service: Service, codec: Codec): UnaryMethod {
  return {
    kind: "unary",
    isWork: true,
    handle(call, message) {
      answerOf(codec, { service, call, work: call.work, message }).then(
        (frame) => call.reply(frame),
        (thrown: unknown) => call.fail(thrown),
      );
    },
  };
}

function stream({ service }: SentimentOptions, codec: Codec): StreamMethod {
  return {
    kind: "stream",
    isWork: true,
    isClientStream: true,
    open: (call) =>
      new OrderedReplies({
        call,
        service,
        async answer(work, message): Promise<ReplyFrame> {
          return { frame: await answerOf(codec, { service, call, work, message }), rest: [] };
        },
        failed: () => undefined,
      }),
  };
}
