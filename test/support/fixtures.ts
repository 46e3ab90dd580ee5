/**
 * Finds the folder of real models and data that some tests use on top of our own.
 *
 * Nothing of it is part of the project; without it those tests say that they were skipped.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const beside = resolve(import.meta.dirname, "../../../shared/fixtures");

/** The folder, or `undefined`. Set MILLRACE_FIXTURES to name it. */
export function fixturesFolder(): string | undefined {
  const folder = process.env["MILLRACE_FIXTURES"] ?? beside;
  return existsSync(join(folder, "models/index.json")) ? folder : undefined;
}

export const whySkipped = "skipped: set MILLRACE_FIXTURES to the folder of fixture models";

/** The protocol's datatype for each dtype name that the fixtures use. */
export const datatypes: Readonly<Record<string, string>> = {
  float32: "FP32",
  float64: "FP64",
  float16: "FP16",
  string: "BYTES",
  bool: "BOOL",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
};
