/**
 * `ModelInfer` and `ModelStreamInfer`: tensors in, tensors out.
 */
import { giveBackLarge, largeBytesMin, ServingError } from "../../../base/index.ts";
import {
  inferTensors,
  type Service,
  type ShownOutput,
  shownOutput,
} from "../../../service/index.ts";
import type { MethodCall } from "../method.ts";
import type { Work } from "../transport/work.ts";
import { decodeInfer, readModel } from "./decode.ts";
import { encodeReply, type InferReply } from "./encode.ts";

/** Answers one request. */
export function infer(service: Service, call: MethodCall, message: Buffer): void {
  runInfer(service, call.work, message).then(
    (reply) => {
      try {
        const { frame, rest } = encodeReply(reply);
        call.work.writtenAtMs = service.clock.nowMs();
        call.reply(frame, rest);
        if (rest.length > 0 || message.length >= largeBytesMin) {
          call.onSent?.(() => {
            for (const part of [message, ...rest]) giveBackLarge(part);
          });
        }
      } catch (thrown) {
        call.fail(thrown);
      }
    },
    (thrown: unknown) => call.fail(thrown),
  );
}

/** Reads a request, runs it and gives what its reply says. Throws at once what is wrong with it. */
export function runInfer(service: Service, work: Work, message: Buffer): Promise<InferReply> {
  const { model, version } = readModel(message);
  if (model === "") throw noModel();
  const served = service.find(model, version);
  work.beginOn(served);
  const { request, tensors } = decodeInfer(message, service.limits);
  const { id, outputs: asked } = request;
  return inferTensors(service, work, { served, request, tensors }).then((inferred) => {
    const outputs: ShownOutput[] = [];
    for (let position = 0; position < inferred.outputs.length; position += 1) {
      outputs.push(shownOutput(served, inferred, { position, asked }));
    }
    return { served, id, outputs };
  });
}

function noModel(): ServingError {
  const message = "model_name: missing, expected the name of a model";
  return new ServingError("INVALID_REQUEST", message, { field: "model_name" });
}
