/**
 * What TensorFlow Serving tells about versions without running any: states and signatures.
 *
 * Values have the names of that server's messages, which are those of its JSON too, so every door
 * that speaks its protocol shows the same.
 */
import { compareVersions, type InputSpec, type OutputSpec } from "../../model/index.ts";
import type { VersionState } from "../../registry/index.ts";
import type { Dtype } from "../../tensor/index.ts";
import { isModelReady, isVersionReady } from "../health.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";
import { numberOf, servingDefault, type TfsTarget } from "./target.ts";

type EntryOf = ReturnType<Service["registry"]["entry"]>;

/** The state of what a caller named. */
export interface TfsStatus {
  /** A ModelVersionStatus for each version, the newest first. */
  readonly versions: readonly object[];
  /** It would answer now. */
  readonly isReady: boolean;
}

/**
 * The version that was named, or all of a model.
 * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY
 */
export function tfsStatus(service: Service, target: TfsTarget): TfsStatus {
  const entry = service.registry.entry(target.model, target.version);
  const model = service.registry.models.get(target.model);
  const isWhole = target.version === undefined && model !== undefined;
  const entries = isWhole ? [...model.versions.values()] : [entry];
  entries.sort((left, right) => compareVersions(right.version, left.version));
  return {
    versions: entries.map(statusOf),
    isReady: isWhole ? isModelReady(model) : isVersionReady(entry),
  };
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

/** The ModelSpec of a version, without a signature. */
export function tfsModelSpec(served: ServedVersion): object {
  return { name: served.model, signature_name: "", version: numberOf(served) };
}

/** The SignatureDefMap of a version. */
export function tfsSignatures({ signature }: ServedVersion): object {
  const { inputs, outputs } = signature;
  return {
    signature_def: {
      [servingDefault]: {
        inputs: Object.fromEntries(inputs.map((spec) => [spec.name, tensorOf(spec)])),
        outputs: Object.fromEntries(outputs.map((spec) => [spec.name, tensorOf(spec)])),
        method_name: "tensorflow/serving/predict",
        defaults: {},
      },
    },
  };
}

/** Dtypes by the names of the protocol. */
export const tfsTypes: Readonly<Record<Dtype, string>> = {
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
    dtype: tfsTypes[dtype],
    tensor_shape: {
      dim: shape.map((size) => ({ size: String(size), name: "" })),
      unknown_rank: false,
    },
    name: `${name}:0`,
  };
}
