/**
 * Small steps that the engine's tests share: batches in, plain values and codes out, waiting.
 */
import { type ErrorCode, ServingError } from "../../src/base/index.ts";
import type { ArtifactSpec, Batch, Instance } from "../../src/engine/index.ts";
import { makeTensor, type Tensor } from "../../src/tensor/index.ts";
import { loop } from "../../tools/onnx/loads.ts";
import { fingerprint } from "../../tools/onnx/models.ts";
import type { ModelFolder } from "./engine-models.ts";

export function batchOf(...parts: (readonly (Tensor | undefined)[])[]): Batch {
  return { parts: parts.map((inputs) => ({ inputs })), outputs: undefined, wallMsMax: 20_000 };
}

export function float32(shape: readonly number[], ...elements: number[]): Tensor {
  return makeTensor("FP32", shape, Float32Array.from(elements));
}

export function fingerprintArtifact(folder: ModelFolder, width: number): ArtifactSpec {
  const outputs = [
    ["fingerprint", "FP64"],
    ["first", "FP32"],
  ] as const;
  return folder.artifact(fingerprint(width), [["x", "FP32"]], outputs);
}

/** The code of what `work` throws. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | "nothing"> {
  try {
    await work;
    return "nothing";
  } catch (thrown) {
    return ServingError.from(thrown).code;
  }
}

/** Elements as plain values. */
export function plain(tensor: Tensor | undefined): unknown[] {
  if (tensor === undefined) return [];
  if (tensor.dtype === "BYTES") return tensor.elements.toTexts() as string[];
  return Array.from(tensor.elements as ArrayLike<number | bigint>);
}

/** Settles when the instance is ready (again). */
export function ready(instance: Instance): Promise<void> {
  return new Promise((settle) => {
    if (instance.isReady) settle();
    else instance.onReadyChange(() => instance.isReady && settle());
  });
}

/** Settles when the instance stops being ready. */
export function lost(instance: Instance): Promise<void> {
  return new Promise((settle) => {
    instance.onReadyChange(() => !instance.isReady && settle());
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((settle) => setTimeout(settle, 20));
}

/** More iterations than anybody waits for. */
export const forever = 2n ** 40n;

/** The Loop model, which takes as long as it is told to. */
export function loopArtifact(folder: ModelFolder): ArtifactSpec {
  return folder.artifact(
    loop(),
    [
      ["iterations", "INT64"],
      ["x", "FP32"],
    ],
    [["y", "FP32"]],
  );
}

export function loopBatch(iterations: bigint, wallMsMax = 20_000): Batch {
  const count = makeTensor("INT64", [], BigInt64Array.of(iterations));
  return { ...batchOf([count, float32([], 1)]), wallMsMax };
}
