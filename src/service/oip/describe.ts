/**
 * What the Open Inference Protocol tells about server and models: metadata, configuration,
 * statistics.
 *
 * Contracts: Open Inference Protocol v2 (github.com/kserve/open-inference-protocol) and Triton's
 * extensions of it. Foreign words (`dims`, `platform`, `max_batch_size`) live in this folder only.
 */
import type { InputSpec, OutputSpec } from "../../model/index.ts";
import type { ModelMetrics, ServerMetrics } from "../../observe/index.ts";
import type { Dtype } from "../../tensor/index.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";

const extensionsAlways = [
  "classification",
  "binary_tensor_data",
  "parameters",
  "model_configuration",
  "statistics",
];

/** Extensions that work; nothing is advertised that does not. */
export function oipExtensions({ control }: Pick<Service, "control">): readonly string[] {
  return control === undefined ? extensionsAlways : [...extensionsAlways, "model_repository"];
}

const onnxPlatform = "onnxruntime_onnx";

/** Metadata of a model; `versions` are all that answer. */
export function modelMetadata(served: ServedVersion, versions: readonly string[]): object {
  return {
    name: served.model,
    versions,
    platform: onnxPlatform,
    inputs: served.signature.inputs.map(tensorMetadata),
    outputs: served.signature.outputs.map(tensorMetadata),
  };
}

function tensorMetadata(spec: InputSpec | OutputSpec): object {
  return { name: spec.name, datatype: spec.dtype, shape: spec.shape };
}

const configTypes: Readonly<Record<Dtype, string>> = {
  BOOL: "TYPE_BOOL",
  UINT8: "TYPE_UINT8",
  UINT16: "TYPE_UINT16",
  UINT32: "TYPE_UINT32",
  UINT64: "TYPE_UINT64",
  INT8: "TYPE_INT8",
  INT16: "TYPE_INT16",
  INT32: "TYPE_INT32",
  INT64: "TYPE_INT64",
  FP16: "TYPE_FP16",
  FP32: "TYPE_FP32",
  FP64: "TYPE_FP64",
  BYTES: "TYPE_STRING",
  BF16: "TYPE_BF16",
};

/** The configuration as Triton's ModelConfig in JSON, with proto names. */
export function modelConfig(served: ServedVersion): object {
  const { layout, inputs, outputs } = served.signature;
  const { batching } = served.package.settings;
  const isBatched = layout.kind !== "none";
  const dims = (spec: InputSpec | OutputSpec): readonly number[] =>
    isBatched ? spec.shape.slice(1) : spec.shape;
  return {
    name: served.model,
    platform: onnxPlatform,
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: isBatched ? batching.itemsMax : 0,
    input: inputs.map((spec) => ({
      name: spec.name,
      data_type: configTypes[spec.dtype],
      dims: dims(spec),
      optional: spec.isOptional,
    })),
    output: outputs.map((spec) => ({
      name: spec.name,
      data_type: configTypes[spec.dtype],
      dims: dims(spec),
    })),
    ...(isBatched
      ? {
          dynamic_batching: {
            preferred_batch_size: [],
            max_queue_delay_microseconds: Math.round(batching.delayMsMax * 1000),
          },
        }
      : {}),
    instance_group: [{ name: served.model, kind: "KIND_CPU", count: served.instances }],
    default_model_filename: served.package.artifactName,
    parameters: {},
  };
}

interface Duration {
  readonly count: number;
  readonly ns: number;
}

function duration(count: number, sumMs: number): Duration {
  return { count, ns: Math.round(sumMs * 1e6) };
}

/**
 * Triton's ModelStatistics of one version, counts as numbers.
 *
 * @param whole the counters of the whole server
 */
export function modelStatistics(served: ServedVersion, whole: ServerMetrics): object {
  const own: ModelMetrics = served.metrics;
  const metrics = whole.find(own.model, own.version) ?? own;
  const { clock } = whole;
  const wall = (atMs: number): number => atMs + clock.wallMs() - clock.nowMs();
  const { successes, errors } = metrics.requests;
  const executions = metrics.batches.counts.count;
  const zero = duration(0, 0);
  return {
    name: served.model,
    version: served.version,
    last_inference:
      metrics.lastAnswerAtMs === undefined ? 0 : Math.round(wall(metrics.lastAnswerAtMs)),
    inference_count: metrics.items,
    execution_count: executions,
    inference_stats: {
      success: duration(successes, metrics.total.sum),
      fail: duration(errors, 0),
      queue: duration(successes, metrics.queue.sum),
      compute_input: duration(successes, metrics.decode.sum),
      compute_infer: duration(successes, metrics.inference.sum),
      compute_output: duration(successes, metrics.encode.sum),
      cache_hit: zero,
      cache_miss: zero,
    },
    response_stats: {},
    batch_stats: metrics.batches.sizes().map((size) => ({
      batch_size: size.items,
      compute_input: duration(size.batches, 0),
      compute_infer: duration(size.batches, size.runMs),
      compute_output: duration(size.batches, 0),
    })),
    memory_usage: [],
  };
}
