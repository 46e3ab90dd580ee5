/**
 * The requests that are sent over and over: written to files once a run, from the seed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, seededRandom } from "../../src/base/index.ts";
import type { FixedRequest } from "../load/wrk.ts";
import { cacheFolder } from "../stage.ts";

const folder = join(cacheFolder, "bodies");

function write(name: string, body: string | Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, body);
  return path;
}

const json = { "content-type": "application/json" } as const;

/** A JSON body to `path`; `name` names its file. */
export function jsonRequest(name: string, path: string, body: unknown): FixedRequest {
  return { path, bodyFile: write(`${name}.json`, JSON.stringify(body)), headers: json };
}

/** The four features of one customer; every peer takes this body. */
export function oneRow(): FixedRequest {
  return jsonRequest("row", "/predict", { features: [42.0, 18.0, 79.35, 1397.475] });
}

/** The same in the Open Inference Protocol, which is all that Triton takes. */
export function tritonRow(): FixedRequest {
  const data = [42.0, 18.0, 79.35, 1397.475];
  const inputs = [{ name: "float_input", shape: [1, 4], datatype: "FP32", data }];
  return jsonRequest("triton-row", "/v2/models/customer/infer", { inputs });
}

/** Normally distributed (mean 0, deviation 2; G. Box and M. Muller, 1958). */
function gauss(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return 2 * radius * Math.cos(2 * Math.PI * random.next());
}

/** 1,000 rows of 20 numbers with six decimals, about 190 kB of JSON. */
export function thousandRows(path: string, seed: number): FixedRequest {
  const random = seededRandom(seed);
  const row = () => Array.from({ length: 20 }, () => Number(gauss(random).toFixed(6)));
  return jsonRequest("rows", path, { instances: Array.from({ length: 1_000 }, row) });
}

/** One image of 784 grey values with four decimals. */
export function oneImage(seed: number): FixedRequest {
  const random = seededRandom(seed);
  const features = Array.from({ length: 784 }, () => Number(random.next().toFixed(4)));
  return jsonRequest("image", "/predict", { features });
}

export interface TensorPlan {
  readonly model: string;
  readonly input: string;
  readonly shape: readonly [rows: number, width: number];
  readonly seed: number;
}

/**
 * An Open Inference Protocol request whose only input and all outputs are binary.
 *
 * @see extension_binary_data.md of the protocol documents of the Triton server
 */
export function tensorRequest(plan: TensorPlan): FixedRequest {
  const random = seededRandom(plan.seed);
  const [rows, width] = plan.shape;
  const values = Float32Array.from({ length: rows * width }, () => gauss(random));
  const head = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [
        {
          name: plan.input,
          shape: plan.shape,
          datatype: "FP32",
          parameters: { binary_data_size: values.byteLength },
        },
      ],
    }),
  );
  const body = Buffer.concat([head, new Uint8Array(values.buffer)]);
  return {
    path: `/v2/models/${plan.model}/infer`,
    bodyFile: write(`${plan.model}-${rows}x${width}.bin`, body),
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(head.length),
    },
  };
}
