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
