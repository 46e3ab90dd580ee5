/**
 * Writes the models of the bench: seeded, by the project's own ONNX writer, so no Python is needed.
 *
 * A file is written again only when its bytes differ, so that its digest is one that the server has
 * seen before from the second run on.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";
import { linearClassifier, mlp, treeEnsemble } from "../../tools/onnx/learners.ts";
import { sleepy } from "../../tools/onnx/loads.ts";
import { identity } from "../../tools/onnx/models.ts";
import { cacheFolder } from "../stage.ts";

const folder = join(cacheFolder, "models");

/** Writes `bytes` below the model folder and gives the path. */
export function modelFile(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  if (existsSync(path) && Buffer.compare(readFileSync(path), bytes) === 0) return path;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** Scaler and logistic regression over four features, as skl2onnx writes them with ZipMap off. */
export function customerModel(seed = 1): Uint8Array {
  const nudge = seed / 1_000;
  return writeModel({
    nodes: [
      {
        op: "Scaler",
        domain: "ai.onnx.ml",
        inputs: ["float_input"],
        outputs: ["scaled"],
        attributes: {
          offset: { floats: [48.5, 35.5, 70 + nudge, 2485] },
          scale: { floats: [0.0559, 0.0481, 0.0346, 0.000478] },
        },
      },
      {
        op: "LinearClassifier",
        domain: "ai.onnx.ml",
        inputs: ["scaled"],
        outputs: ["label", "scores"],
        attributes: {
          classlabels_ints: { ints: [0, 1] },
          coefficients: { floats: [-0.17, 1.04, -0.87, 0.02, 0.17, -1.04, 0.87, -0.02] },
          intercepts: { floats: [0.1, -0.1] },
          multi_class: { int: 1 },
          post_transform: { string: "LOGISTIC" },
        },
      },
      {
        op: "Normalizer",
        domain: "ai.onnx.ml",
        inputs: ["scores"],
        outputs: ["probabilities"],
        attributes: { norm: { string: "L1" } },
      },
    ],
    inputs: [tensorValue("float_input", "FP32", [null, 4])],
    outputs: [
      tensorValue("label", "INT64", [null]),
      tensorValue("probabilities", "FP32", [null, 2]),
    ],
    producer: ["skl2onnx", "1.18.0"],
  });
}

const twenty = { features: 20, labels: [0, 1], hasZipMap: false } as const;

/** The models by the name they are served under; each gives the path of its file. */
export const modelFiles = {
  customer: () => modelFile("customer.onnx", customerModel()),
  linear: () => modelFile("linear.onnx", linearClassifier(twenty)),
  trees: () => modelFile("trees.onnx", treeEnsemble({ ...twenty, trees: 100, depth: 3 })),
  digits: () => modelFile("digits.onnx", mlp([784, 512, 512, 10])),
  wide: () => modelFile("wide.onnx", mlp([1024, 2048, 2048, 1000])),
  /** FP32 `[batch, 262144]` in and out: 1 MiB an item. */
  tensor: () => modelFile("tensor.onnx", identity("FP32", ["batch", 2 ** 18])),
  /** REQUIRES: `steps` from `slow-model.ts`, so that a run takes about 500 ms on this machine. */
  slow: (steps: number) => modelFile("slow.onnx", sleepy(steps)),
} as const;
