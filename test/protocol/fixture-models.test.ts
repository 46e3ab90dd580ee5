// Goal: real models of many makers answer through the server as they do in the engine itself, and
// what cannot be served is refused with one line while the rest serves on.
// Method: every model of the fixtures folder, copied into one repository, asked over the Open
// Inference Protocol in binary and, where the dtypes travel in JSON, in JSON.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, get, startBuilt } from "../support/built-server.ts";
import {
  copyInto,
  fixtureModels,
  type IndexModel,
  inputsOf,
  nameOf,
  needsLocale,
  runningModels,
} from "../support/fixture-models.ts";
import { datatypes, fixturesFolder, whySkipped } from "../support/fixtures.ts";
import { type ClientTensor, inferBinary, inferJson, isClose } from "../support/oip-client.ts";

const folder = fixturesFolder();
const runs = runningModels;
/** Loads, but never answers: the engine cannot express its inputs or outputs. */
const never = fixtureModels.filter((model) => model.loads === true && model.runs === "no");
const invalid = fixtureModels.filter((model) => model.file.startsWith("models/invalid/"));

function expectRecorded(model: IndexModel, outputs: readonly ClientTensor[]): void {
  for (const [name, recorded] of Object.entries(model.recorded_output ?? {})) {
    const got = outputs.find((output) => output.name === name);
    expect(got?.shape, name).toEqual(recorded.dims);
    for (const [at, value] of recorded.data.entries()) {
      const wanted = recorded.type.endsWith("int64") ? BigInt(value) : value;
      const isEqual = isClose(got?.values[at], wanted, got?.datatype ?? "");
      expect(isEqual, `${name}[${at}]: ${got?.values[at]} for ${value}`).toBe(true);
    }
  }
}

const hasFixtures = folder !== undefined;
if (!hasFixtures) console.warn(whySkipped);

describe.skipIf(!hasFixtures)("models of many makers", () => {
  let server: BuiltServer;
  let repository: string;
  let states: Map<string, { ready: boolean; reason: string }>;

  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), "millrace-models-"));
    for (const model of [...runs, ...never, ...invalid]) copyInto(repository, model);
    server = await startBuilt([repository, "--workers-share"], { readyMsMax: 180_000 });
    states = new Map();
    for (const model of [...runs, ...never, ...invalid]) {
      const reply = await get(`${server.url}/models/${nameOf(model)}`);
      const { ready, reason = "" } = reply.body as { ready: boolean; reason?: string };
      states.set(nameOf(model), { ready, reason });
    }
  }, 240_000);

  afterAll(async () => {
    await server.stop();
    rmSync(repository, { recursive: true, force: true });
  });

  test.each(runs.map((model) => [nameOf(model), model] as const))(
    "%s answers",
    async (name, model) => {
      const state = states.get(name);
      if (needsLocale.has(name) && state?.ready === false) {
        expect(state.reason).toContain("en_US.UTF-8");
        return;
      }
      expect(state).toEqual({ ready: true, reason: "" });
      const url = `${server.url}/v2/models/${name}/infer`;
      const inputs = inputsOf(model);
      const binary = await inferBinary(url, inputs);
      expect(binary.error).toBeUndefined();
      expectRecorded(model, binary.outputs);
      const isHalf = [...inputs, ...binary.outputs].some(({ datatype }) => datatype === "FP16");
      const hasNumbers = binary.outputs.every(({ values }) =>
        values.every((value) => typeof value !== "number" || Number.isFinite(value)),
      );
      if (isHalf || !hasNumbers) return;
      const json = await inferJson(url, inputs);
      expect(json.error).toBeUndefined();
      expectRecorded(model, json.outputs);
    },
  );

  test.each([...invalid, ...never].map((model) => [nameOf(model), model] as const))(
    "%s is refused with one line, or loads and refuses its requests",
    async (name, model) => {
      const state = states.get(name);
      if (state?.ready === true) {
        // What the engine alone cannot give may be served after all: a ZipMap made a tensor.
        const reply = await inferBinary(`${server.url}/v2/models/${name}/infer`, inputsOf(model));
        expect(reply.status === 200 || (reply.status >= 400 && reply.status < 500)).toBe(true);
        expect(model.file).not.toContain("invalid/");
        return;
      }
      expect(state?.reason.length).toBeGreaterThan(15);
      expect(state?.reason).not.toContain("\n");
      expect(state?.reason).not.toContain(repository);
      const infer = await inferBinary(`${server.url}/v2/models/${name}/infer`, inputsOf(model));
      expect(infer.status).toBe(503);
    },
  );

  test("ZipMap classifiers answer their probabilities", async () => {
    const golden = JSON.parse(readFileSync(join(folder ?? "", "vectors/golden.json"), "utf8")) as {
      cases: GoldenCase[];
    };
    for (const each of golden.cases.filter((one) => one.maps !== undefined)) {
      const name = each.model.replaceAll("/", "-").replace(".onnx", "");
      const inputs = Object.entries(each.inputs).map(([input, { dtype, shape, data }]) => ({
        name: input,
        datatype: datatypes[dtype] ?? "",
        shape,
        values: data,
      }));
      const reply = await inferBinary(`${server.url}/v2/models/${name}/infer`, inputs);
      for (const [output, rows] of Object.entries(each.maps ?? {})) {
        const got = reply.outputs.find((one) => one.name === output);
        const wanted = rows.flatMap((row) => Object.values(row));
        expect(got?.values.length).toBe(wanted.length);
        for (const [at, value] of wanted.entries()) {
          expect(isClose(got?.values[at], value, "FP32")).toBe(true);
        }
      }
    }
  });

  test("the server lives after inputs that kill an engine", async () => {
    const empty = (name: string, datatype: string, shape: number[]): ClientTensor => ({
      name,
      datatype,
      shape,
      values: [],
    });
    const killers: [string, ClientTensor][] = [
      ["text-sentence-boundary-bytes", empty("input", "UINT8", [0, 5])],
      ["text-sentence-boundary-bytes", empty("input", "UINT8", [1, 0])],
      ["quantized-qlstm", empty("input", "FP32", [0, 3])],
    ];
    for (const [name, tensor] of killers) {
      const reply = await inferBinary(`${server.url}/v2/models/${name}/infer`, [tensor]);
      expect([200, 400, 422, 503]).toContain(reply.status);
    }
    expect((await get(`${server.url}/health/live`)).status).toBe(200);
  });
});

interface GoldenCase {
  readonly model: string;
  readonly inputs: Readonly<Record<string, { dtype: string; shape: number[]; data: number[] }>>;
  readonly maps?: Readonly<Record<string, Readonly<Record<string, number>>[]>>;
}
