/**
 * The models of the engine suite, written to a temporary folder, with what an engine is told of
 * them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArtifactSpec } from "../../src/engine/index.ts";
import type { Dtype } from "../../src/tensor/index.ts";

type Put = readonly [name: string, dtype: Dtype];

export interface ModelFolder {
  /** Writes a model and describes it; names and dtypes in signature order. */
  artifact(bytes: Uint8Array, inputs: readonly Put[], outputs: readonly Put[]): ArtifactSpec;
  remove(): void;
}

export function makeModelFolder(): ModelFolder {
  const folder = mkdtempSync(join(tmpdir(), "millrace-engine-test-"));
  let count = 0;
  return {
    artifact(bytes, inputs, outputs) {
      count += 1;
      const path = join(folder, `model-${count}.onnx`);
      writeFileSync(path, bytes);
      const put = ([name, dtype]: Put) => ({ name, dtype });
      return {
        kind: "onnx",
        path,
        digest: String(count),
        inputs: inputs.map(put),
        outputs: outputs.map(put),
        threads: 1,
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
