/**
 * Reads Triton's `config.pbtxt`: the keys that mean something here, and a warning for the others.
 *
 * A foreign file is taken as it is found: what Millrace does not know it says and passes over, so
 * that a repository which serves elsewhere serves here. Only what would make answers wrong refuses:
 * another backend, a wrong type, a value that cannot be.
 * @see Triton's user guide, "Model Configuration"
 */
import { didYouMean, quote, ServingError } from "../../../base/index.ts";
import type { Dtype } from "../../../tensor/index.ts";
import { runCeilings } from "../run-settings.ts";
import { FieldReader } from "./field-reader.ts";
import { parseTextFormat, textFault } from "./text-format.ts";

/** File name in a model's folder. */
export const configFile = "config.pbtxt";
/** Size of the file at most, and of what a caller says in its place, byte. */
export const configBytesMax = 1024 * 1024;

export interface TritonTensor {
  readonly name: string;
  readonly dtype: Dtype | undefined;
  /** Without the item dimension when `itemsMax` > 0; -1 is any size; `undefined` = not given. */
  readonly dims: readonly number[] | undefined;
  /** The shape that the artifact has instead of `dims`. */
  readonly reshape: readonly number[] | undefined;
  /** A file of labels in the model's folder, one a line. */
  readonly labelFile: string | undefined;
  readonly line: number;
}

export type VersionPolicy =
  | { readonly kind: "latest"; readonly count: number }
  | { readonly kind: "all" }
  | { readonly kind: "specific"; readonly versions: readonly string[] };

export interface TritonConfig {
  readonly name: string | undefined;
  /** `max_batch_size`: 0 = no item dimension in the artifact's shapes; `undefined` = not given. */
  readonly itemsMax: number | undefined;
  readonly inputs: readonly TritonTensor[];
  readonly outputs: readonly TritonTensor[];
  /** Longest wait of the dynamic batcher, ms; `undefined` without one. */
  readonly delayMsMax: number | undefined;
  /** Instances over all groups, or `undefined` when none is given. */
  readonly instances: number | undefined;
  readonly versionPolicy: VersionPolicy;
  readonly artifact: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  /** Whole sentences for the operator. */
  readonly warnings: readonly string[];
}

const dtypes: Readonly<Record<string, Dtype>> = {
  TYPE_BOOL: "BOOL",
  TYPE_UINT8: "UINT8",
  TYPE_UINT16: "UINT16",
  TYPE_UINT32: "UINT32",
  TYPE_UINT64: "UINT64",
  TYPE_INT8: "INT8",
  TYPE_INT16: "INT16",
  TYPE_INT32: "INT32",
  TYPE_INT64: "INT64",
  TYPE_FP16: "FP16",
  TYPE_FP32: "FP32",
  TYPE_FP64: "FP64",
  TYPE_STRING: "BYTES",
  TYPE_BF16: "BF16",
};

/** Says nothing, changes nothing, and needs no warning. */
const harmless = ["version", "optimization"];

/** @throws MODEL_INVALID naming file and line */
export function readTritonConfig(bytes: Uint8Array): TritonConfig {
  if (bytes.byteLength > configBytesMax) {
    const message = `${configFile}: ${bytes.byteLength} bytes, expected at most ${configBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  }
  const text = new TextDecoder("utf-8").decode(bytes);
  const warnings: string[] = [];
  const top = new FieldReader(parseTextFormat(text, configFile), { file: configFile, warnings });
  checkBackend(top);
  const config = {
    name: top.string("name"),
    itemsMax: top.integer("max_batch_size", 0, 2 ** 31 - 1),
    inputs: top.messages("input").map(tensorOf),
    outputs: top.messages("output").map(tensorOf),
    delayMsMax: delayOf(top),
    instances: instancesOf(top),
    versionPolicy: policyOf(top),
    artifact: top.string("default_model_filename"),
    parameters: parametersOf(top),
    warnings,
  };
  if (top.message("sequence_batching") !== undefined) {
    warnings.push(
      `${configFile}: sequence_batching is not done: each request is answered by itself, ` +
        "and control inputs are ordinary inputs",
    );
  }
  for (const key of harmless) top.skip(key);
  top.warnOfRest();
  return config;
}

function checkBackend(top: FieldReader): void {
  const allowed = { platform: "onnxruntime_onnx", backend: "onnxruntime" } as const;
  for (const key of ["platform", "backend"] as const) {
    const value = top.string(key);
    if (value === undefined || value === "" || value === allowed[key]) continue;
    const text = `${key} ${quote(value)} is not served here, expected '${allowed[key]}'`;
    throw textFault(configFile, top.lineOf(key), `${text}: export the model to ONNX`);
  }
}

function tensorOf(reader: FieldReader): TritonTensor {
  const name = reader.string("name");
  if (name === undefined) {
    throw textFault(configFile, reader.line, "an input or output without a name");
  }
  const type = reader.word("data_type");
  const dtype = type === undefined ? undefined : dtypes[type];
  if (type !== undefined && dtype === undefined && type !== "TYPE_INVALID") {
    const hint = didYouMean(type, Object.keys(dtypes));
    const message = `data_type ${quote(type)} is not known${hint}`;
    throw textFault(configFile, reader.lineOf("data_type"), message);
  }
  const dims = reader.integers("dims");
  const reshape = reader.message("reshape")?.integers("shape");
  const labelFile = reader.string("label_filename");
  for (const key of ["format", "is_shape_tensor", "optional", "is_non_linear_format_io"]) {
    reader.skip(key);
  }
  reader.warnOfRest();
  return { name, dtype, dims, reshape, labelFile, line: reader.line };
}

function delayOf(top: FieldReader): number | undefined {
  const batcher = top.message("dynamic_batching");
  if (batcher === undefined) return undefined;
  const delayUs = batcher.integer("max_queue_delay_microseconds", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  batcher.skip("preserve_ordering");
  if (batcher.integers("preferred_batch_size") !== undefined) {
    batcher.warn("preferred_batch_size is not used: a batch leaves as soon as a worker is free");
  }
  batcher.warnOfRest();
  if (delayUs / 1000 <= runCeilings.delayMsMax) return delayUs / 1000;
  batcher.warn(`max_queue_delay_microseconds ${delayUs} is cut to ${runCeilings.delayMsMax} ms`);
  return runCeilings.delayMsMax;
}

function instancesOf(top: FieldReader): number | undefined {
  const groups = top.messages("instance_group");
  if (groups.length === 0) return undefined;
  let count = 0;
  for (const group of groups) {
    const kind = group.word("kind");
    count += group.integer("count", 1, runCeilings.instances) ?? 1;
    if (kind === "KIND_GPU") group.warn("instance_group KIND_GPU runs on the CPU here");
    group.skip("name");
    group.warnOfRest();
  }
  if (count <= runCeilings.instances) return count;
  const message = `${count} instances, at most ${runCeilings.instances}`;
  throw textFault(configFile, top.lineOf("instance_group"), message);
}

/** Triton serves the one latest version unless told otherwise. */
function policyOf(top: FieldReader): VersionPolicy {
  const policy = top.message("version_policy");
  const specific = policy?.message("specific");
  if (specific !== undefined) {
    const versions = specific.integers("versions") ?? [];
    return { kind: "specific", versions: versions.map(String) };
  }
  if (policy?.message("all") !== undefined) return { kind: "all" };
  const count = policy?.message("latest")?.integer("num_versions", 1, 10_000) ?? 1;
  return { kind: "latest", count };
}

function parametersOf(top: FieldReader): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const entry of top.messages("parameters")) {
    const key = entry.string("key");
    const value = entry.message("value")?.string("string_value");
    if (key !== undefined) parameters.set(key, value ?? "");
  }
  return parameters;
}
