/**
 * What TensorFlow Serving and KServe v1 tell about models without running any: status, metadata,
 * the list.
 *
 * `GET /v1/models/M` serves both: the status of its versions, and name and readiness.
 */
import type { InputSpec, OutputSpec } from "../../../model/index.ts";
import { compareVersions } from "../../../model/index.ts";
import type { VersionState } from "../../../registry/index.ts";
import { isModelReady, isVersionReady, type Service } from "../../../service/index.ts";
import type { Dtype } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import {
  type EntryOf,
  findTarget,
  noRoute,
  numberOf,
  type TargetPath,
  targetOf,
} from "./target.ts";

/** `GET /v1/models`: KServe's names and the list of OpenAI in one body. */
export function listModels(service: Service, exchange: Exchange): void {
  const models = [...service.registry.models.values()];
  replyStatus(exchange, 200, {
    models: models.map((model) => model.name),
    object: "list",
    data: models.map((model) => ({
      id: model.name,
      object: "model",
      created: Math.floor((model.chosen?.served?.readyAtWallMs ?? 0) / 1_000),
      owned_by: "millrace",
    })),
  });
}

/** `GET /v1/models/M[/versions/N|/labels/L][/metadata]` */
export function describe(service: Service, exchange: Exchange): void {
  const [model = "", ...rest] = exchange.parameters;
  const isEven = rest.length % 2 === 0;
  if (!isEven && rest.at(-1)?.toLowerCase() !== "metadata") throw noRoute();
  const [kind, version] = rest;
  const path = rest.length < 2 ? { model } : { model, kind, version };
  if (isEven) status(service, exchange, path);
  else metadata(service, exchange, path);
}

function status(service: Service, exchange: Exchange, path: TargetPath): void {
  const target = targetOf(service, path);
  const entry = service.registry.entry(target.model, target.version);
  const model = service.registry.models.get(target.model);
  const isWhole = target.version === undefined && model !== undefined;
  const entries = isWhole ? [...model.versions.values()] : [entry];
  entries.sort((left, right) => compareVersions(right.version, left.version));
  replyStatus(exchange, 200, {
    model_version_status: entries.map(statusOf),
    name: target.model,
    ready: isWhole ? isModelReady(model) : isVersionReady(entry),
  });
}

/** States of a version in the words of the protocol. */
const stateNames: Readonly<Record<VersionState, string>> = {
  registered: "START",
  validated: "LOADING",
  loading: "LOADING",
  probing: "LOADING",
  warming: "LOADING",
  ready: "AVAILABLE",
  draining: "UNLOADING",
  unloaded: "END",
  failed: "END",
};

function statusOf(entry: EntryOf): object {
  const isFailed = entry.state === "failed";
  return {
    version: numberOf(entry),
    state: stateNames[entry.state],
    status: {
      error_code: isFailed ? "FAILED_PRECONDITION" : "OK",
      error_message: isFailed ? entry.reason : "",
    },
  };
}

function metadata(service: Service, exchange: Exchange, path: TargetPath): void {
  const served = findTarget(service, targetOf(service, path));
  const { inputs, outputs } = served.signature;
  replyStatus(exchange, 200, {
    model_spec: { name: served.model, signature_name: "", version: numberOf(served) },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: Object.fromEntries(inputs.map((spec) => [spec.name, tensorOf(spec)])),
            outputs: Object.fromEntries(outputs.map((spec) => [spec.name, tensorOf(spec)])),
            method_name: "tensorflow/serving/predict",
            defaults: {},
          },
        },
      },
    },
  });
}

const typeNames: Readonly<Record<Dtype, string>> = {
  BOOL: "DT_BOOL",
  INT8: "DT_INT8",
  INT16: "DT_INT16",
  INT32: "DT_INT32",
  INT64: "DT_INT64",
  UINT8: "DT_UINT8",
  UINT16: "DT_UINT16",
  UINT32: "DT_UINT32",
  UINT64: "DT_UINT64",
  FP16: "DT_HALF",
  BF16: "DT_BFLOAT16",
  FP32: "DT_FLOAT",
  FP64: "DT_DOUBLE",
  BYTES: "DT_STRING",
};

function tensorOf({ name, dtype, shape }: InputSpec | OutputSpec): object {
  return {
    dtype: typeNames[dtype],
    tensor_shape: {
      dim: shape.map((size) => ({ size: String(size), name: "" })),
      unknown_rank: false,
    },
    name: `${name}:0`,
  };
}
