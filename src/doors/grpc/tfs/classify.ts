/**
 * `Classify` and `Regress`: lists of examples in, classes or one number for each out.
 *
 * Their messages hold 32-bit floats. A score or number of 64 bits is rounded to one, as that server
 * does; a whole number that no such float names is refused.
 */
import { ServingError } from "../../../base/index.ts";
import { type OutputSpec, rowNaming } from "../../../model/index.ts";
import {
  classLabel,
  classScores,
  type ExamplesOutput,
  inferTensors,
  regressionNumbers,
  type ServedVersion,
  type Service,
} from "../../../service/index.ts";
import { bfloat16ToNumber, float16ToNumber, type Tensor } from "../../../tensor/index.ts";
import type { MethodCall } from "../method.ts";
import { fieldSize, textField, writeHead } from "../wire/writer.ts";
import { joined } from "./encode.ts";
import { formExamples } from "./form-examples.ts";
import { replySpec } from "./model-spec.ts";
import { beginOn, requestOf } from "./predict.ts";
import { readExamples } from "./read-examples.ts";

const naming = rowNaming("input.examples", false);

/** How the answer to examples is chosen and written. */
interface Codec {
  choose(outputs: readonly Tensor[], specs: readonly OutputSpec[]): ExamplesOutput;
  /** The result message. */
  encode(output: ExamplesOutput): Buffer;
}

const classes: Codec = { choose: classScores, encode: classificationResult };
const numbers: Codec = { choose: regressionNumbers, encode: regressionResult };

/** Answers a ClassificationRequest; throws at once what is wrong with it. */
export function classify(service: Service, call: MethodCall, message: Buffer): void {
  answer(service, call, { message, codec: classes });
}

/** Answers a RegressionRequest; throws at once what is wrong with it. */
export function regress(service: Service, call: MethodCall, message: Buffer): void {
  answer(service, call, { message, codec: numbers });
}

function answer(
  service: Service,
  call: MethodCall,
  { message, codec }: { readonly message: Buffer; readonly codec: Codec },
): void {
  const { work } = call;
  const served = beginOn(service, call, message);
  const { limits } = service;
  const places = readExamples(message, limits);
  const tensors = formExamples(message, places, { checks: served.checks, limits });
  inferTensors(service, work, { served, request: requestOf([]), tensors, naming })
    .then(({ outputs }) => {
      const { frame, rest } = encode(served, codec, outputs);
      work.writtenAtMs = service.clock.nowMs();
      call.reply(frame, rest);
    })
    .catch((thrown: unknown) => call.fail(thrown));
}

function encode(
  served: ServedVersion,
  codec: Codec,
  outputs: readonly Tensor[],
): ReturnType<typeof joined> {
  const result = codec.encode(codec.choose(outputs, served.signature.outputs));
  return joined([wrapped(1, result), replySpec(served)]);
}

/** A field with a message. */
function wrapped(field: number, content: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(fieldSize(content.length));
  content.copy(whole, writeHead(whole, 0, { field, length: content.length }));
  return whole;
}

/** Tags of the 32-bit floats `score` (field 2) and `value` (field 1). */
const tags = { score: 21, value: 13 } as const;
const floatBytes = 5;

function floatField(tag: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(floatBytes);
  bytes[0] = tag;
  bytes.writeFloatLE(value, 1);
  return bytes;
}

function classificationResult({ tensor, spec }: ExamplesOutput): Buffer {
  const items = tensor.shape[0] ?? 1;
  const width = items === 0 ? 0 : tensor.elements.length / items;
  const labels = Array.from({ length: width }, (_, index) => textField(1, classLabel(spec, index)));
  const results: Buffer[] = [];
  for (let item = 0; item < items; item += 1) {
    const parts = labels.map((label, index) => {
      const score = floatAt(tensor, item * width + index, spec);
      return wrapped(1, Buffer.concat([label, floatField(tags.score, score)]));
    });
    results.push(wrapped(1, Buffer.concat(parts)));
  }
  return Buffer.concat(results);
}

function regressionResult({ tensor, spec }: ExamplesOutput): Buffer {
  const results: Buffer[] = [];
  for (let item = 0; item < tensor.elements.length; item += 1) {
    results.push(wrapped(1, floatField(tags.value, floatAt(tensor, item, spec))));
  }
  return Buffer.concat(results);
}

/** @throws OUTPUT_NOT_REPRESENTABLE a text, or a whole number that is no 32-bit float */
function floatAt(tensor: Tensor, index: number, { name }: OutputSpec): number {
  const { dtype } = tensor;
  if (dtype !== "BYTES") {
    const value = tensor.elements[index] ?? Number.NaN;
    if (dtype === "FP16") return float16ToNumber(Number(value));
    if (dtype === "BF16") return bfloat16ToNumber(Number(value));
    if (dtype === "FP32" || dtype === "FP64") return Number(value);
    const float = Math.fround(Number(value));
    if (BigInt(float) === BigInt(value)) return float;
  }
  const text = `output '${name}' has a value that is no 32-bit float: ask Predict`;
  throw new ServingError("OUTPUT_NOT_REPRESENTABLE", text, { field: name });
}
