// Goal: what the usual exporters write is served without a manifest and answers as its framework
// does. Method: the files that tools/models/make_exports.py makes (scikit-learn with and without
// ZipMap, LightGBM, XGBoost, CatBoost, Keras, PyTorch by both of its exporters and with its data in
// a file beside), each asked over the Open Inference Protocol.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, get, post, root, startBuilt } from "../support/built-server.ts";
import { type ClientTensor, inferBinary, inferJson } from "../support/oip-client.ts";

interface Expected {
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly WireTensor[];
  readonly tolerance: number;
}

interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: (number | string)[];
}

const folder = process.env["MILLRACE_EXPORTS"] ?? join(root, ".cache/exports");
const hasExports = existsSync(folder);
if (!hasExports) console.warn("skipped: run tools/models/make_exports.py to make the exports");
const names = hasExports
  ? readdirSync(folder)
      .filter((file) => file.endsWith(".onnx"))
      .map((file) => file.replace(".onnx", ""))
  : [];

function toClient(tensor: WireTensor): ClientTensor {
  return { ...tensor, values: tensor.data };
}

function expectSame(got: readonly ClientTensor[], expected: Expected): void {
  for (const wanted of expected.outputs) {
    const output = got.find(({ name }) => name === wanted.name);
    expect(output?.shape, wanted.name).toEqual(wanted.shape);
    for (const [index, value] of wanted.data.entries()) {
      const mine = output?.values[index];
      const isEqual =
        typeof value === "string"
          ? mine === value
          : Math.abs(Number(mine) - value) <= expected.tolerance * Math.max(1, Math.abs(value));
      expect(isEqual, `${wanted.name}[${index}]: ${mine} for ${value}`).toBe(true);
    }
  }
}

describe.skipIf(!hasExports)("exports of the usual frameworks", () => {
  let server: BuiltServer;

  beforeAll(async () => {
    const paths = names.map((name) => join(folder, `${name}.onnx`));
    server = await startBuilt([...paths, "--workers-share"]);
  });

  afterAll(async () => {
    await server.stop();
  });

  test.each(names)("%s answers as its framework does", async (name) => {
    const text = readFileSync(join(folder, `${name}.expected.json`), "utf8");
    const expected = JSON.parse(text) as Expected;
    const url = `${server.url}/v2/models/${name}/infer`;
    const inputs = expected.inputs.map(toClient);
    for (const reply of [await inferBinary(url, inputs), await inferJson(url, inputs)]) {
      expect(reply.error).toBeUndefined();
      expectSame(reply.outputs, expected);
    }
    const { body } = await get(`${server.url}/models/${name}`);
    const { example } = body as { example?: object };
    if (example === undefined) return;
    const simple = await post(`${server.url}/predict?model=${name}`, example);
    expect(simple.status, simple.text).toBe(200);
    expect(simple.body).toHaveProperty("prediction");
  });
});
