/**
 * `prediction.PredictionService`: the service that teams write by hand round a model of numbers.
 */
import {
  type Answer,
  inferNumbers,
  type NumberRows,
  type ServedVersion,
  type Service,
} from "../../../service/index.ts";
import type { MethodCall, UnaryMethod } from "../method.ts";
import { modelOf } from "../model-metadata.ts";
import { plainMethod } from "../plain-method.ts";
import type { GrpcService } from "../routes.ts";
import { decodeBatch, decodePredict } from "./decode.ts";
import { encodeBatch, encodePrediction } from "./encode.ts";

export function predictionService(service: Service): GrpcService {
  const types = { request: "prediction.HealthRequest", response: "prediction.HealthResponse" };
  return {
    name: "prediction.PredictionService",
    methods: {
      Predict: rowsMethod(service, { decode: decodePredict, encode: encodePrediction }),
      BatchPredict: rowsMethod(service, {
        decode: (message) => decodeBatch(message, service.limits),
        encode: (_served, answer) => encodeBatch(answer),
      }),
      HealthCheck: plainMethod(types, () => {
        const { isReady, isModelLoaded } = service.health();
        return { status: isReady ? "healthy" : "unhealthy", model_loaded: isModelLoaded };
      }),
    },
  };
}

interface Codec {
  decode(message: Buffer): NumberRows;
  encode(served: ServedVersion, answer: Answer): Buffer;
}

function rowsMethod(service: Service, codec: Codec): UnaryMethod {
  return {
    kind: "unary",
    isWork: true,
    handle(call: MethodCall, message: Buffer) {
      const { work } = call;
      const served = modelOf(service, call);
      work.beginOn(served);
      const rows = codec.decode(message);
      work.items = rows.items;
      inferNumbers(service, work, { served, rows })
        .then((answer) => {
          const frame = codec.encode(served, answer);
          work.writtenAtMs = service.clock.nowMs();
          call.reply(frame);
        })
        .catch((thrown: unknown) => call.fail(thrown));
    },
  };
}
