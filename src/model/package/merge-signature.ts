/**
 * Joins what the artifact is with what the manifest says about it: the final, frozen signature.
 *
 * The artifact wins on facts (names, dtypes, shapes), the manifest adds meaning (columns, rules,
 * roles, labels). Whatever the two contradict each other in refuses the version, because a rule
 * that cannot hold would be believed. One thing is narrowed: columns fix a last dimension that the
 * artifact leaves open. All contradictions are noted before anything is thrown.
 */
import { didYouMean, quote } from "../../base/index.ts";
import type { Dtype } from "../../tensor/index.ts";
import type { ColumnSpec } from "../column-spec.ts";
import { listed } from "../input/check-shape.ts";
import { dtypeRange, isWholeDtype } from "../input/dtype-range.ts";
import type { InputSpec, Label, OutputSpec, Signature } from "../signature.ts";
import type { Manifest } from "./manifest/manifest-schema.ts";
import type { KeyPath, ProblemList } from "./manifest/problem-list.ts";
import type { ReadManifest } from "./manifest/read-manifest.ts";

type InputWords = Manifest["inputs"][string];
type OutputWords = Manifest["outputs"][string];
type ColumnWords = NonNullable<InputWords["columns"]>[number];

/**
 * The signature of the version.
 *
 * @throws MODEL_INVALID naming file, line and key of every contradiction
 */
export function mergeSignature(artifact: Signature, said: ReadManifest): Signature {
  const { manifest, problems } = said;
  refuseUnknown("inputs", artifact.inputs, said);
  refuseUnknown("outputs", artifact.outputs, said);
  const inputs = artifact.inputs.map((spec) => {
    const words = own(manifest.inputs, spec.name);
    return words === undefined ? spec : mergeInput(spec, words, problems);
  });
  const outputs = artifact.outputs.map((spec) => {
    const words = own(manifest.outputs, spec.name);
    return words === undefined ? spec : mergeOutput(spec, words, problems);
  });
  problems.throwIfAny();
  return freezeSignature({ inputs, outputs, layout: artifact.layout });
}

/** Freezes a signature and everything in it. */
export function freezeSignature(signature: Signature): Signature {
  for (const spec of [...signature.inputs, ...signature.outputs]) {
    Object.freeze(spec.shape);
    Object.freeze(spec.dimNames);
    Object.freeze(spec);
  }
  for (const spec of signature.inputs) {
    spec.columns?.forEach(Object.freeze);
    Object.freeze(spec.columns);
    Object.freeze(spec.steps);
  }
  for (const spec of signature.outputs) Object.freeze(spec.labels);
  Object.freeze(signature.inputs);
  Object.freeze(signature.outputs);
  Object.freeze(signature.layout);
  return Object.freeze(signature);
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function refuseUnknown(
  part: "inputs" | "outputs",
  specs: readonly { readonly name: string }[],
  said: ReadManifest,
): void {
  const names = specs.map((spec) => spec.name);
  for (const name of Object.keys(said.manifest[part])) {
    if (names.includes(name)) continue;
    const hint =
      didYouMean(name, names) || `; it has ${names.length === 0 ? "none" : listed(names)}`;
    const noun = part === "inputs" ? "input" : "output";
    said.problems.add([part, name], `the artifact has no ${noun} ${quote(name)}${hint}`);
  }
}

function mergeInput(spec: InputSpec, words: InputWords, problems: ProblemList): InputSpec {
  const path: KeyPath = ["inputs", spec.name];
  checkKinds(spec, words, problems);
  checkOrder(path, { low: "min", high: "max", words }, problems);
  checkOrder(path, { low: "lengthMin", high: "lengthMax", words }, problems);
  const columns = columnsOf(spec, words, problems);
  const last = spec.shape.length - 1;
  const isNarrowed = columns !== undefined && spec.shape[last] === -1;
  return {
    ...spec,
    shape: isNarrowed ? [...spec.shape.slice(0, last), columns.length] : spec.shape,
    columns,
    min: words.min,
    max: words.max,
    lengthMin: words.lengthMin,
    lengthMax: words.lengthMax,
    steps: words.steps ?? [],
  };
}

/** Rules for numbers on numbers, rules for text on text. */
function checkKinds(spec: InputSpec, words: InputWords, problems: ProblemList): void {
  const isText = spec.dtype === "BYTES";
  const foreign = isText
    ? (["min", "max", "columns"] as const)
    : (["lengthMin", "lengthMax", "steps"] as const);
  const wanted = isText ? "a numeric input" : "a BYTES input";
  for (const key of foreign) {
    if (words[key] === undefined) continue;
    problems.add(
      ["inputs", spec.name, key],
      `expected ${wanted}, but ${quote(spec.name)} is ${spec.dtype}`,
    );
  }
}

interface Order {
  readonly low: "min" | "lengthMin";
  readonly high: "max" | "lengthMax";
  readonly words: InputWords | ColumnWords;
}

function checkOrder(path: KeyPath, order: Order, problems: ProblemList): void {
  const words: Partial<Record<Order["low"] | Order["high"], number | undefined>> = order.words;
  const [low, high] = [words[order.low], words[order.high]];
  if (low === undefined || high === undefined || low <= high) return;
  problems.add([...path, order.high], `got ${high}, expected at least ${order.low} (${low})`);
}

function columnsOf(
  spec: InputSpec,
  words: InputWords,
  problems: ProblemList,
): readonly ColumnSpec[] | undefined {
  if (words.columns === undefined || spec.dtype === "BYTES") return undefined;
  const path: KeyPath = ["inputs", spec.name, "columns"];
  const shape = `[${spec.shape.join(",")}]`;
  const isTable = spec.shape.length === 2 && spec.dtype !== "FP16" && spec.dtype !== "BF16";
  if (!isTable) {
    const what = `${quote(spec.name)} is ${spec.dtype} ${shape}`;
    problems.add(path, `expected a numeric input of shape [items,columns], but ${what}`);
    return undefined;
  }
  const wanted = spec.shape[1] ?? -1;
  const count = words.columns.length;
  if (wanted !== -1 && count !== wanted) {
    const what = `${quote(spec.name)} has shape ${shape}`;
    problems.add(path, `got ${count} columns, expected ${wanted}: ${what}`);
  }
  const names = new Set<string>();
  return words.columns.map((column, index) => {
    if (names.has(column.name)) {
      problems.add([...path, index, "name"], `column ${quote(column.name)} is named twice`);
    }
    names.add(column.name);
    return columnOf(spec.dtype, column, { path: [...path, index], problems });
  });
}

interface Place {
  readonly path: KeyPath;
  readonly problems: ProblemList;
}

function columnOf(tensor: Dtype, words: ColumnWords, { path, problems }: Place): ColumnSpec {
  const dtype = words.dtype ?? tensor;
  const [low, high] = dtypeRange(tensor);
  const [ownLow, ownHigh] = dtypeRange(dtype);
  const isHeld = !isWholeDtype(tensor) || (isWholeDtype(dtype) && ownLow >= low && ownHigh <= high);
  if (!isHeld) {
    problems.add([...path, "dtype"], `got ${dtype}, which the tensor's ${tensor} cannot hold`);
  }
  checkOrder(path, { low: "min", high: "max", words }, problems);
  const fallback = words.default === undefined ? undefined : Number(words.default);
  if (fallback !== undefined) {
    const min = Math.max(words.min ?? -Infinity, ownLow);
    const max = Math.min(words.max ?? Infinity, ownHigh);
    const isInside = fallback >= min && fallback <= max;
    if (!isInside || (isWholeDtype(dtype) && !Number.isInteger(fallback))) {
      const noun = isWholeDtype(dtype) ? "a whole number" : "a number";
      const range = `expected ${noun} from ${min} to ${max}`;
      problems.add([...path, "default"], `got ${fallback}, ${range}`);
    }
  }
  return { name: words.name, dtype, min: words.min, max: words.max, default: fallback };
}

function mergeOutput(spec: OutputSpec, words: OutputWords, problems: ProblemList): OutputSpec {
  const path: KeyPath = ["outputs", spec.name];
  const labels = words.labels?.map((label): Label => {
    return typeof label === "number" ? BigInt(label) : label;
  });
  const role = words.role ?? (labels === undefined ? spec.role : "probability");
  if (role === "probability" && spec.dtype === "BYTES") {
    problems.add([...path, "role"], `expected a numeric output, but ${quote(spec.name)} is BYTES`);
  }
  if (labels !== undefined) {
    const fault = labelFault(spec, role, labels.length);
    if (fault !== undefined) problems.add([...path, "labels"], fault);
  }
  return { ...spec, role, labels: labels ?? (role === spec.role ? spec.labels : undefined) };
}

function labelFault(spec: OutputSpec, role: OutputSpec["role"], count: number): string | undefined {
  if (role !== "probability") {
    return `got labels for an output of role ${role}, expected role probability`;
  }
  const last = spec.shape.at(-1);
  const shape = `[${spec.shape.join(",")}]`;
  if (last === undefined) return `got labels for a scalar output, expected shape [items,labels]`;
  if (spec.shape.length < 2 || last === -1 || last === count) return undefined;
  return `got ${count} labels, expected ${last}: ${quote(spec.name)} has shape ${shape}`;
}
