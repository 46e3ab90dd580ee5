// Goal: at least 98 % of the ONNX backend cases that the engine itself passes pass through the
// server. Method: all models of the suite in one repository, each case's stored inputs sent as
// binary tensors, outputs compared with the stored ones. Cases run in groups, so that workers stay
// few.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { startBuilt } from "../support/built-server.ts";
import { datatypes, fixturesFolder, whySkipped } from "../support/fixtures.ts";
import { type ClientTensor, inferBinary, isClose } from "../support/oip-client.ts";

interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: number[];
  readonly b64?: string;
  readonly data?: string[];
}

interface Case {
  readonly case: string;
  readonly sets: readonly { inputs: StoredTensor[]; outputs: StoredTensor[] }[];
}

const folder = fixturesFolder();
const shareMin = 0.98;
const groupCases = 250;

function readCases(): Case[] {
  const path = join(folder ?? "", "vectors/onnx-backend-tensors.ndjson.gz");
  const lines = gunzipSync(readFileSync(path)).toString("utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Case);
}

function decode(tensor: StoredTensor): ClientTensor {
  const datatype = datatypes[tensor.dtype] ?? "";
  const values = tensor.data ?? decodeBytes(Buffer.from(tensor.b64 ?? "", "base64"), tensor.dtype);
  return { name: tensor.name, datatype, shape: tensor.shape, values };
}

function decodeBytes(bytes: Buffer, dtype: string): (number | bigint)[] {
  const copy = new Uint8Array(bytes).buffer;
  switch (dtype) {
    case "float32":
      return [...new Float32Array(copy)];
    case "float64":
      return [...new Float64Array(copy)];
    case "int64":
      return [...new BigInt64Array(copy)];
    case "uint64":
      return [...new BigUint64Array(copy)];
    case "int32":
      return [...new Int32Array(copy)];
    case "uint32":
      return [...new Uint32Array(copy)];
    case "int16":
      return [...new Int16Array(copy)];
    case "uint16":
    case "float16":
      return [...new Uint16Array(copy)];
    case "int8":
      return [...new Int8Array(copy)];
    default:
      return [...new Uint8Array(copy)];
  }
}

const nameOf = (each: Case): string => each.case.replaceAll("/", "-");

async function failureOf(url: string, each: Case): Promise<string | undefined> {
  for (const set of each.sets) {
    const reply = await inferBinary(
      `${url}/v2/models/${nameOf(each)}/infer`,
      set.inputs.map(decode),
    );
    if (reply.error !== undefined) return reply.error.slice(0, 200);
    for (const stored of set.outputs) {
      const wanted = decode(stored);
      const got = reply.outputs.find((output) => output.name === wanted.name);
      if (got?.shape.join() !== wanted.shape.join()) return `${wanted.name}: shape ${got?.shape}`;
      for (const [at, value] of wanted.values.entries()) {
        if (!isClose(got.values[at], value, got.datatype)) {
          return `${wanted.name}[${at}]: ${got.values[at]} for ${value}`;
        }
      }
    }
  }
  return undefined;
}

async function failuresOf(cases: readonly Case[], suite: string): Promise<string[]> {
  const repository = mkdtempSync(join(tmpdir(), "millrace-backend-"));
  for (const each of cases) {
    const target = join(repository, nameOf(each), "1.0.0");
    mkdirSync(target, { recursive: true });
    cpSync(join(suite, each.case, "model.onnx"), join(target, "model.onnx"));
  }
  const server = await startBuilt([repository, "--workers-share"], { readyMsMax: 240_000 });
  try {
    const failures: string[] = [];
    for (const each of cases) {
      const failure = await failureOf(server.url, each);
      if (failure !== undefined) failures.push(`${each.case}: ${failure}`);
    }
    return failures;
  } finally {
    await server.stop();
    rmSync(repository, { recursive: true, force: true });
  }
}

const hasFixtures = folder !== undefined;
if (!hasFixtures) console.warn(whySkipped);

describe.skipIf(!hasFixtures)("the ONNX backend suite", () => {
  test("passes through the server as it passes in the engine", async () => {
    const suite = mkdtempSync(join(tmpdir(), "millrace-suite-"));
    const archive = join(folder ?? "", "vectors/onnx-backend-tests.tar.gz");
    execFileSync("tar", ["xzf", archive, "-C", suite]);
    const all = readCases().filter((each) => existsSync(join(suite, each.case, "model.onnx")));
    const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
    const cases = isFull ? all : all.filter((_, index) => index % 4 === 0);
    const failures: string[] = [];
    for (let from = 0; from < cases.length; from += groupCases) {
      failures.push(...(await failuresOf(cases.slice(from, from + groupCases), suite)));
    }
    rmSync(suite, { recursive: true, force: true });
    console.log(`${cases.length - failures.length} of ${cases.length} backend cases pass`);
    if (failures.length > 0) console.log(failures.join("\n"));
    expect(1 - failures.length / cases.length).toBeGreaterThanOrEqual(shareMin);
  }, 900_000);
});
