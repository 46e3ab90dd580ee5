/**
 * gRPC messages that are sent over and over, each in a file with its five bytes ahead.
 *
 * Written by hand, apart from the server's own codec; the field numbers are those of `proto/`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/base/index.ts";
import { inferRequest, prefixed } from "../../tools/grpc-requests.ts";
import { field } from "../../tools/protobuf.ts";
import { cacheFolder } from "../stage.ts";
import type { TensorPlan } from "./fixed-requests.ts";

export interface GrpcRequest {
  /** Path of the method. */
  readonly path: string;
  /** File that holds the framed message. */
  readonly bodyFile: string;
}

/** A PredictRequest of four floats. */
export function grpcRow(): GrpcRequest {
  const features = Buffer.from(Float32Array.from([42, 18, 79.35, 1_397.475]).buffer);
  const path = "/prediction.PredictionService/Predict";
  return { path, bodyFile: writeFramed("grpc-row", field(1, features)) };
}

/** A ModelInferRequest with one raw FP32 input. */
export function grpcTensor(plan: TensorPlan): GrpcRequest {
  const random = seededRandom(plan.seed);
  const [rows, width] = plan.shape;
  const values = Float32Array.from({ length: rows * width }, () => random.next() * 4 - 2);
  const message = inferRequest({ ...plan, raw: Buffer.from(values.buffer) });
  const name = `grpc-${plan.model}-${rows}x${width}`;
  return {
    path: "/inference.GRPCInferenceService/ModelInfer",
    bodyFile: writeFramed(name, message),
  };
}

function writeFramed(name: string, message: Buffer): string {
  const folder = join(cacheFolder, "bodies");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.bin`);
  writeFileSync(file, prefixed(message));
  return file;
}
