/**
 * `Predict`: tensors in, tensors out.
 */
import {
  checkSignature,
  findTfs,
  inferTensors,
  type ServedVersion,
  type Service,
  type ShownOutput,
  shownOutput,
} from "../../../service/index.ts";
import { nothingReserved, type OipRequest } from "../../../tensor/index.ts";
import type { MethodCall } from "../method.ts";
import { decodePredict } from "./decode.ts";
import { encodePredict } from "./encode.ts";
import { readModelSpec } from "./model-spec.ts";
import { tfsNaming } from "./naming.ts";

/** Answers one request; throws at once what is wrong with it. */
export function predict(service: Service, call: MethodCall, message: Buffer): void {
  const { work } = call;
  const served = beginOn(service, call, message);
  const { tensors, outputFilter } = decodePredict(message, served.checks, service.limits);
  const request = requestOf(outputFilter);
  const { outputs: asked } = request;
  const read = { served, request, tensors, naming: tfsNaming, outputsField: "output_filter" };
  inferTensors(service, work, read)
    .then((inferred) => {
      const outputs: ShownOutput[] = [];
      for (let position = 0; position < inferred.outputs.length; position += 1) {
        outputs.push(shownOutput(served, inferred, { position, asked }));
      }
      const { frame, rest } = encodePredict(served, outputs);
      work.writtenAtMs = service.clock.nowMs();
      call.reply(frame, rest);
    })
    .catch((thrown: unknown) => call.fail(thrown));
}

/**
 * Books a call on the version that its ModelSpec means.
 * @throws INVALID_REQUEST, INVALID_INPUT (signature_name), and what `find` of the service throws
 */
export function beginOn(service: Service, { work }: MethodCall, message: Buffer): ServedVersion {
  const spec = readModelSpec(message);
  const served = findTfs(service, spec);
  work.beginOn(served);
  checkSignature(spec.signature, "model_spec.signature_name");
  return served;
}

/** What a request without reserved parameters says; no filter wants all outputs. */
export function requestOf(outputFilter: readonly string[]): OipRequest {
  return {
    id: undefined,
    inputs: [],
    outputs: outputFilter.map((name) => ({ name, isBinary: true, classes: 0 })),
    isBinaryDefault: true,
    timeoutUs: nothingReserved.timeoutUs,
    priority: nothingReserved.priority,
    parameters: nothingReserved.rest,
  };
}
