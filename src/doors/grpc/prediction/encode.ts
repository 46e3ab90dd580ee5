/**
 * Writes the replies of `prediction.PredictionService`. Contract: proto/prediction.proto.
 *
 * Its prediction is an int32. A label that is a string is shown by its index; a number that is not
 * whole, or does not fit, is refused and never rounded.
 */
import { ServingError } from "../../../base/index.ts";
import {
  type Answer,
  bestClass,
  predictionOf,
  type ServedVersion,
  scoresOf,
} from "../../../service/index.ts";
import { newFrame } from "../encode.ts";
import { fieldSize, textField, varintSize, writeHead, writeVarint } from "../wire/writer.ts";

/** A PredictResponse. @throws OUTPUT_NOT_REPRESENTABLE */
export function encodePrediction(served: ServedVersion, answer: Answer): Buffer {
  const prediction = int32Of(answer, 0);
  const scores = scoresOf(answer, 0);
  const scoreBytes = scores.byteLength;
  const version = textField(3, served.version);
  const predictionSize = prediction === 0 ? 0 : 1 + int32Size(prediction);
  const scoresSize = scoreBytes === 0 ? 0 : fieldSize(scoreBytes);
  const { frame, at: from } = newFrame(predictionSize + scoresSize + version.length);
  let at = from;
  if (prediction !== 0) {
    frame[at] = 8;
    at = writeInt32(frame, at + 1, prediction);
  }
  if (scoreBytes > 0) {
    at = writeHead(frame, at, { field: 2, length: scoreBytes });
    frame.set(bytesOf(scores), at);
    at += scoreBytes;
  }
  version.copy(frame, at);
  return frame;
}

/** A BatchPredictResponse. @throws OUTPUT_NOT_REPRESENTABLE */
export function encodeBatch(answer: Answer): Buffer {
  const predictions: number[] = [];
  let packed = 0;
  for (let index = 0; index < answer.items; index += 1) {
    const prediction = int32Of(answer, index);
    predictions.push(prediction);
    packed += int32Size(prediction);
  }
  const scoreBytes = scoresOf(answer, 0).byteLength;
  const rowSize = scoreBytes === 0 ? 0 : fieldSize(scoreBytes);
  const rows = scoreBytes === 0 ? 0 : answer.items;
  const { frame, at: from } = newFrame(fieldSize(packed) + rows * fieldSize(rowSize));
  let at = writeHead(frame, from, { field: 1, length: packed });
  for (const prediction of predictions) at = writeInt32(frame, at, prediction);
  for (let index = 0; index < rows; index += 1) {
    at = writeHead(frame, at, { field: 2, length: rowSize });
    at = writeHead(frame, at, { field: 1, length: scoreBytes });
    frame.set(bytesOf(scoresOf(answer, index)), at);
    at += scoreBytes;
  }
  return frame;
}

function bytesOf(scores: Float32Array): Uint8Array {
  return new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength);
}

function int32Of(answer: Answer, index: number): number {
  const prediction = predictionOf(answer, index);
  if (typeof prediction === "string" && answer.probability !== undefined) {
    return bestClass(answer.probability, index, answer.items);
  }
  const value = typeof prediction === "string" ? Number.NaN : Number(prediction);
  if (value === (value | 0)) return value | 0;
  const message =
    "the prediction is no int32, which prediction.PredictResponse can hold: " +
    "ask inference.GRPCInferenceService for the tensor";
  throw new ServingError("OUTPUT_NOT_REPRESENTABLE", message, { field: "prediction" });
}

/** A negative int32 travels as a 64-bit number: ten bytes. */
const negativeBytes = 10;

function int32Size(value: number): number {
  return value < 0 ? negativeBytes : varintSize(value);
}

function writeInt32(into: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeVarint(into, at, value);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let index = 0; index < negativeBytes - 1; index += 1) {
    into[at + index] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  into[at + negativeBytes - 1] = Number(rest);
  return at + negativeBytes;
}
