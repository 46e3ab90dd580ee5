/**
 * Models that the tests of the client have beside the demo models: identities, and a slow one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { slowRows } from "../../../tools/onnx/loads.ts";
import { identity } from "../../../tools/onnx/models.ts";
import type { TensorInput } from "../src/index.ts";

/** Inputs of the model `same-DATATYPE` each, with values that lose nothing or all. */
export const sameCases: readonly [string, TensorInput][] = [
  ["FP32", { shape: [2, 2], data: Float32Array.of(0.1, Number.NaN, -0, Infinity) }],
  ["FP64", { shape: [1, 2], data: Float64Array.of(1e308, 5e-324) }],
  ["FP16", { shape: [1, 2], data: Uint16Array.of(0x3c00, 0x7e00), datatype: "FP16" }],
  ["INT64", { shape: [1, 2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) }],
  ["UINT64", { shape: [1, 2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) }],
  ["INT8", { shape: [1, 2], data: Int8Array.of(-128, 127) }],
  ["BOOL", { shape: [1, 2], data: Uint8Array.of(0, 1), datatype: "BOOL" }],
];

/** Writes `same-DATATYPE` for each case and BYTES, and `slow`; gives their folder. */
export function writeClientModels(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-client-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, bytes: Uint8Array): void => {
    mkdirSync(join(folder, name, "1"), { recursive: true });
    writeFileSync(join(folder, name, "1", "model.onnx"), bytes);
  };
  for (const type of [...sameCases.map(([each]) => each), "BYTES"]) {
    write(`same-${type.toLowerCase()}`, identity(type as "FP32", ["batch", 2]));
  }
  write("slow", slowRows());
  return folder;
}

/** Steps of the model `slow` that keep it busy for a second or so. */
export const slowSteps = 1_000_000;
