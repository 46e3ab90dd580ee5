/**
 * `tensorflow.serving.PredictionService` and `tensorflow.serving.ModelService`.
 *
 * Contract: proto/tensorflow_serving. What the protocol knows and this server does not offer
 * answers UNIMPLEMENTED and says so.
 */
import { quote, ServingError } from "../../../base/index.ts";
import {
  findTfs,
  notOffered,
  type Service,
  tfsModelSpec,
  tfsSignatures,
  tfsStatus,
  tfsTarget,
} from "../../../service/index.ts";
import type { PlainMessage } from "../messages.ts";
import type { Method, MethodCall } from "../method.ts";
import { plainMethod } from "../plain-method.ts";
import type { GrpcService } from "../routes.ts";
import { classify, regress } from "./classify.ts";
import { modelSpecOf } from "./model-spec.ts";
import { predict } from "./predict.ts";

/** Full names of messages begin with this. */
const space = "tensorflow.serving";

export function tfsServices(service: Service): readonly GrpcService[] {
  return [
    {
      name: `${space}.PredictionService`,
      methods: {
        Predict: work(service, predict),
        Classify: work(service, classify),
        Regress: work(service, regress),
        GetModelMetadata: plain("GetModelMetadata", (request) => metadata(service, request)),
        MultiInference: plain("MultiInference", () => {
          throw notOffered("several tasks in one call (MultiInference)");
        }),
      },
    },
    {
      name: `${space}.ModelService`,
      methods: {
        GetModelStatus: plain("GetModelStatus", (request) => {
          const target = tfsTarget(service, modelSpecOf(request));
          return { model_version_status: tfsStatus(service, target).versions };
        }),
        HandleReloadConfigRequest: plain("ReloadConfig", () => {
          throw notOffered("a configuration over this listener (HandleReloadConfigRequest)");
        }),
      },
    },
  ];
}

function work(
  service: Service,
  answer: (service: Service, call: MethodCall, message: Buffer) => void,
): Method {
  const handle = (call: MethodCall, message: Buffer): void => answer(service, call, message);
  return { kind: "unary", isWork: true, handle };
}

function plain(name: string, answer: (request: PlainMessage) => object): Method {
  const types = { request: `${space}.${name}Request`, response: `${space}.${name}Response` };
  return plainMethod(types, answer);
}

/** The one part of the metadata that there is. */
const signatureField = "signature_def";

function metadata(service: Service, request: PlainMessage): object {
  const served = findTfs(service, modelSpecOf(request));
  checkFields(request["metadata_field"]);
  const signatures = {
    "@type": `type.googleapis.com/${space}.SignatureDefMap`,
    ...tfsSignatures(served),
  };
  return { model_spec: tfsModelSpec(served), metadata: { [signatureField]: signatures } };
}

function checkFields(fields: unknown): void {
  const names = Array.isArray(fields) ? fields : [];
  const field = "metadata_field";
  if (names.length === 0) {
    const message = `${field}: empty, expected ${signatureField}`;
    throw new ServingError("INVALID_INPUT", message, { field });
  }
  const position = names.findIndex((name) => name !== signatureField);
  if (position === -1) return;
  const place = `${field}[${position}]`;
  const message = `${place}: ${quote(String(names[position]))}, expected ${signatureField}`;
  throw new ServingError("INVALID_INPUT", message, { field: place });
}
