/**
 * Applies a `config.pbtxt` to the signature that was read from the artifact.
 *
 * The file states what the artifact already knows; here the two are held against each other, as
 * Triton does at load. Names and datatypes must agree, sizes must not contradict; a size that the
 * artifact leaves open and the file fixes is narrowed. `max_batch_size: 0` means that requests
 * never share a run.
 */
import { didYouMean, quote } from "../../../base/index.ts";
import { listed } from "../../input/check-shape.ts";
import type { InputSpec, OutputSpec, Signature, TensorSpec } from "../../signature.ts";
import { configFile, type TritonConfig, type TritonTensor } from "./read-config.ts";
import { textFault } from "./text-format.ts";

/** Labels by output name, read from the files that the configuration names. */
export type LabelLists = ReadonlyMap<string, readonly string[]>;

/**
 * The signature under the configuration.
 *
 * @throws MODEL_INVALID naming file and line of the first contradiction
 */
export function applyTritonConfig(
  signature: Signature,
  config: TritonConfig,
  labels: LabelLists,
): Signature {
  const hasItems = isBatched(signature, config);
  const inputs = signature.inputs.map((spec): InputSpec => {
    const given = config.inputs.find((each) => each.name === spec.name);
    return given === undefined ? spec : { ...spec, shape: agreedShape(spec, given, hasItems) };
  });
  const outputs = signature.outputs.map((spec): OutputSpec => {
    const given = config.outputs.find((each) => each.name === spec.name);
    if (given === undefined) return spec;
    checkDtype(spec, given);
    return { ...spec, labels: labelsFor(spec, given, labels) };
  });
  refuseUnknown("input", config.inputs, signature.inputs);
  refuseUnknown("output", config.outputs, signature.outputs);
  if (config.itemsMax !== 0 || signature.layout.kind === "none") {
    return { inputs, outputs, layout: signature.layout };
  }
  const reason = `${configFile} says max_batch_size 0`;
  return { inputs, outputs, layout: { kind: "none", reason } };
}

/** Whether `dims` leave out the item dimension. Without `max_batch_size` the ranks tell. */
function isBatched(signature: Signature, config: TritonConfig): boolean {
  if (config.itemsMax !== undefined) return config.itemsMax > 0;
  return config.inputs.some((given) => {
    const spec = signature.inputs.find((each) => each.name === given.name);
    return spec !== undefined && (given.dims ?? spec.shape).length < spec.shape.length;
  });
}

function agreedShape(spec: TensorSpec, given: TritonTensor, hasItems: boolean): readonly number[] {
  checkDtype(spec, given);
  if (given.dims === undefined) return spec.shape;
  const inner = given.reshape ?? given.dims;
  const first = hasItems ? [spec.shape[0] ?? -1] : [];
  const stated = [...first, ...inner];
  const isAgreed =
    stated.length === spec.shape.length &&
    stated.every((size, at) => size === -1 || spec.shape[at] === -1 || size === spec.shape[at]);
  if (isAgreed) return spec.shape.map((size, at) => (size === -1 ? (stated[at] ?? -1) : size));
  const artifact = `[${spec.shape.join(",")}]`;
  const batch = hasItems ? " (the item dimension left out)" : "";
  throw textFault(
    configFile,
    given.line,
    `${quote(spec.name)}: dims [${inner.join(",")}]${batch}, but the artifact has ${artifact}`,
  );
}

function checkDtype(spec: TensorSpec, given: TritonTensor): void {
  if (given.dtype === undefined || given.dtype === spec.dtype) return;
  const text = `${quote(spec.name)}: data_type is ${given.dtype}`;
  throw textFault(configFile, given.line, `${text}, but the artifact has ${spec.dtype}`);
}

function refuseUnknown(
  noun: "input" | "output",
  given: readonly TritonTensor[],
  specs: readonly TensorSpec[],
): void {
  const names = specs.map((spec) => spec.name);
  const wrong = given.find((each) => !names.includes(each.name));
  if (wrong === undefined) return;
  const hint = didYouMean(wrong.name, names) || `; it has ${listed(names)}`;
  const message = `the artifact has no ${noun} ${quote(wrong.name)}${hint}`;
  throw textFault(configFile, wrong.line, message);
}

function labelsFor(
  spec: OutputSpec,
  given: TritonTensor,
  labels: LabelLists,
): OutputSpec["labels"] {
  const list = labels.get(spec.name);
  if (list === undefined) return spec.labels;
  const last = spec.shape.at(-1) ?? -1;
  if (last === -1 || last === list.length) return Object.freeze([...list]);
  const text = `${quote(spec.name)}: ${list.length} labels in ${quote(given.labelFile ?? "")}`;
  throw textFault(configFile, given.line, `${text}, expected ${last}`);
}
