/**
 * Reads `samples.jsonl`: requests with the answers that they must get, one JSON object a line.
 *
 * Each line is `{"inputs": [{name, shape, datatype, data}], "outputs"?: [...], "tolerance"?: n}`,
 * as in the Open Inference Protocol. The inputs pass the same checks as a request of a caller, so a
 * sample that a caller could not send refuses the package. Runs once a load and may be slow.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { isDtype, type Tensor } from "../../../tensor/index.ts";
import { listed } from "../../input/check-shape.ts";
import { type FormedInputs, formInputs, type GivenTensor } from "../../input/form-inputs.ts";
import { type InputLimits, prepareInputChecks } from "../../input/input-checks.ts";
import { wantedOutputs } from "../../input/wanted-outputs.ts";
import { withPackageFile } from "../../onnx/check/package-file.ts";
import type { ModelPackage } from "../model-package.ts";
import { elementsOfJson } from "./json-elements.ts";

/** Size of the file and number of samples at most. */
const samplesBytesMax = 16 * 1024 * 1024;
const samplesMax = 1_000;

/** How far a number may be off, relative to the larger of 1 and its size, unless a line says. */
const toleranceDefault = 1e-5;

export interface Sample {
  /** From 1. */
  readonly line: number;
  /** Checked and in signature order, at least one item. */
  readonly request: FormedInputs;
  /** The expected outputs by place in the signature; none when only the inputs are known. */
  readonly expected: readonly { readonly index: number; readonly tensor: Tensor }[];
  /** Largest allowed difference of a number: `tolerance * max(1, |expected|)`. */
  readonly tolerance: number;
}

/** What the reader needs of a package. */
export type SampledPackage = Pick<ModelPackage, "folder" | "samples" | "signature">;

/**
 * The samples of a package; none when it declares no file.
 *
 * @throws MODEL_INVALID naming file and line of the first fault
 */
export async function readSamples(
  from: SampledPackage,
  limits: InputLimits,
): Promise<readonly Sample[]> {
  const { samples: location, folder } = from;
  if (location === undefined) return [];
  const place = { folder, location, title: `samples file ${quote(location)}`, isLinkAllowed: true };
  const text = await withPackageFile(place, async (file) => {
    if (file.bytes <= samplesBytesMax) return await file.handle.readFile("utf8");
    const message = `${place.title}: ${file.bytes} bytes, expected at most ${samplesBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  });
  return parseSamples(text, { from, limits, file: location });
}

export interface SampleContext {
  readonly from: Pick<SampledPackage, "signature">;
  readonly limits: InputLimits;
  /** The file's name, for messages. */
  readonly file: string;
}

/** Parses the text of a samples file. @throws MODEL_INVALID naming file and line */
export function parseSamples(text: string, context: SampleContext): readonly Sample[] {
  const samples: Sample[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").trim();
    if (line === "") continue;
    if (samples.length >= samplesMax) {
      throw faultAt(context.file, at + 1, `more than ${samplesMax} samples`);
    }
    try {
      samples.push(sampleOf(JSON.parse(line), context, at + 1));
    } catch (thrown) {
      if (ServingError.is(thrown)) throw faultAt(context.file, at + 1, thrown.message);
      if (thrown instanceof SyntaxError) {
        throw faultAt(context.file, at + 1, "expected one JSON object");
      }
      throw thrown;
    }
  }
  return samples;
}

function faultAt(file: string, line: number, message: string): ServingError {
  return new ServingError("MODEL_INVALID", `${file} line ${line}: ${message}`);
}

const sampleKeys = ["inputs", "outputs", "tolerance"];

function sampleOf(value: unknown, context: SampleContext, line: number): Sample {
  const fields = fieldsOf(value, "the sample", sampleKeys);
  const { signature } = context.from;
  const checks = prepareInputChecks(signature, context.limits);
  const inputs = listOf(fields["inputs"], "inputs").map((each, at) =>
    tensorOf(each, `inputs[${at}]`),
  );
  const request = formInputs(checks, inputs);
  if (request.items === 0) throw fault("inputs: no items, expected at least 1");
  const outputs = listOf(fields["outputs"] ?? [], "outputs").map((each, at) => {
    return tensorOf(each, `outputs[${at}]`);
  });
  const names = outputs.map((each) => each.name);
  const indexes = wantedOutputs(signature, names, context.limits);
  const expected = outputs.map((each, at) => {
    const index = indexes?.[at] ?? at;
    const wanted = signature.outputs[index]?.dtype;
    if (each.dtype !== wanted) {
      throw fault(`outputs[${at}]: datatype ${quote(each.dtype)}, expected '${wanted}'`);
    }
    return {
      index,
      tensor: { dtype: each.dtype, shape: each.shape, elements: each.elements } as Tensor,
    };
  });
  return { line, request, expected, tolerance: toleranceOf(fields["tolerance"]) };
}

function toleranceOf(value: unknown): number {
  if (value === undefined) return toleranceDefault;
  if (typeof value === "number" && value >= 0) return value;
  throw fault("tolerance: expected a number of at least 0");
}

const tensorKeys = ["name", "shape", "datatype", "data", "parameters"];

function tensorOf(value: unknown, place: string): GivenTensor {
  const fields = fieldsOf(value, place, tensorKeys);
  const { name, datatype } = fields;
  if (typeof name !== "string") throw fault(`${place}.name: expected a string`);
  if (!isDtype(datatype)) throw fault(`${place}.datatype: expected a datatype such as FP32`);
  const shape = listOf(fields["shape"], `${place}.shape`).map((size) => {
    if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
    throw fault(`${place}.shape: expected whole numbers of at least 0`);
  });
  const elements = elementsOfJson(datatype, fields["data"], `${place}.data`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (elements.length !== count) {
    throw fault(`${place}.data: ${elements.length} values, expected ${count}`);
  }
  return { name, dtype: datatype, shape, elements };
}

function fieldsOf(
  value: unknown,
  place: string,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(`${place}: expected an object with ${listed(known)}`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw fault(`${place}: unknown key ${quote(unknown)}, expected ${listed(known)}`);
  }
  return { ...value };
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw fault(`${place}: expected a list`);
}

function fault(message: string): ServingError {
  return new ServingError("MODEL_INVALID", message);
}
