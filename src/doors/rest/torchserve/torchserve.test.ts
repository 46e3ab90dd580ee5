// Goal: TorchServe's clients get the JSON value of a prediction for every body that they send, and
// its management calls are answered honestly. Method: doors over models in memory.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { Tensor } from "../../../tensor/index.ts";

type Given = { readonly inputs: readonly (Tensor | undefined)[] };

const echo = ({ inputs }: Given) => [inputs[0] as Tensor];

const columns = [
  { name: "age", dtype: "FP32", min: 0, max: 120, default: undefined },
  { name: "tenure", dtype: "FP32", min: undefined, max: undefined, default: 7 },
] as const;

const models = [
  {
    name: "churn",
    inputs: [inputSpec({ name: "features", dtype: "FP32", shape: [-1, 2] }, { columns })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2] })],
    run: echo,
  },
  {
    name: "words",
    inputs: [inputSpec({ name: "text", dtype: "BYTES", shape: [-1] })],
    outputs: [outputSpec({ name: "y", dtype: "BYTES", shape: [-1] })],
    run: echo,
  },
  {
    name: "image",
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2, 1] })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2, 1] })],
    run: echo,
  },
];

let rig: RestRig;
/** A listener for TorchServe and SageMaker alone, and one for SageMaker alone. */
let managed: RestRig;
let sagemaker: RestRig;

beforeAll(async () => {
  const limits = { requestItemsMax: 4, jsonInlineBytesMax: 2_000, stringElementBytesMax: 5_000 };
  rig = await openRestRig(models, limits);
  managed = await openRestRig(models, {}, { dialects: ["torchserve", "sagemaker"] });
  sagemaker = await openRestRig(models, {}, { dialects: ["sagemaker"] });
});
afterAll(async () => {
  await Promise.all([rig.close(), managed.close(), sagemaker.close()]);
});

async function send(
  path: string,
  body: string | Buffer | FormData,
  type?: string,
): Promise<[number, string]> {
  const headers = type === undefined ? {} : { headers: { "content-type": type } };
  const reply = await fetch(`${rig.url}/predictions/${path}`, { method: "POST", body, ...headers });
  return [reply.status, await reply.text()];
}

const json = "application/json";

test("answers one row with one value and rows with a list", async () => {
  expect(await send("churn", "[1,2]", json)).toEqual([200, "[1,2]"]);
  expect(await send("churn", '{"age":1}', json)).toEqual([200, "[1,7]"]);
  expect(await send("churn/1.0.0", "[[1,2],[3,4]]", json)).toEqual([200, "[[1,2],[3,4]]"]);
  expect(await send("churn", '[{"age":1},[3,4]]', json)).toEqual([200, "[[1,7],[3,4]]"]);
  expect(await send("image", "[[1],[2]]", json)).toEqual([200, "[1,2]"]);
  expect(await send("image", "[[[1],[2]],[[3],[4]]]", json)).toEqual([200, "[[1,2],[3,4]]"]);
  expect(await send("words", '"a"', json)).toEqual([200, '"a"']);
  expect(await send("words", '["a","b"]', json)).toEqual([200, '["a","b"]']);
});

test("finds the value under the keys that its clients use", async () => {
  const predictions = [200, '{"predictions":[[1,2],[3,4]]}'];
  expect(await send("churn", '{"instances":[[1,2],[3,4]]}', json)).toEqual(predictions);
  expect(await send("churn", '{"data":[1,2]}', json)).toEqual([200, "[1,2]"]);
  expect(await send("churn", '{"body":{"instances":[[1,2],[3,4]]},"id":1}', json)).toEqual(
    predictions,
  );
  expect(await send("churn", '{"features":[1,2]}', json)).toEqual([200, "[1,2]"]);
});

test("takes a text or a file as it is, and a form with one in it", async () => {
  expect(await send("words", "so good", "text/plain")).toEqual([200, '"so good"']);
  expect(await send("words", Buffer.from("so good"))).toEqual([200, '"so good"']);
  expect(await send("words", "so good", "application/x-www-form-urlencoded")).toEqual([
    200,
    '"so good"',
  ]);
  expect(await send("churn", "[1,2]", "application/octet-stream")).toEqual([200, "[1,2]"]);
  const form = new FormData();
  form.set("other", "x");
  form.set("data", new Blob(["so\r\ngood"], { type: "text/plain" }), "a.txt");
  expect(await send("words", form)).toEqual([200, '"so\\r\\ngood"']);
  const row = new FormData();
  row.set("data", "[1,2]");
  expect(await send("churn", row)).toEqual([200, "[1,2]"]);
});

test("reads a large body in a thread", async () => {
  const before = rig.service.metrics.http.jsonOffloaded;
  expect(await send("churn", `[1,2${" ".repeat(2_000)}]`, json)).toEqual([200, "[1,2]"]);
  expect(rig.service.metrics.http.jsonOffloaded).toBe(before + 1);
});

const refusals: readonly (readonly [path: string, body: string, type?: string])[] = [
  ["churn", "", json],
  ["churn", "[", json],
  ["churn", "[1]", json],
  ["churn", "[[1,2],[3]]", json],
  ["churn", "[[1,2],[1,2],[1,2],[1,2],[1,2]]", json],
  ["churn", '{"age":121}', json],
  ["churn", '{"aged":1}', json],
  ["churn", "[1,2]x", json],
  ["churn", "so good", "text/plain"],
  ["words", "x".repeat(5_001), "text/plain"],
  ["words", "--a\r\n\r\n--a--", "multipart/form-data"],
  ["words", "nothing", "multipart/form-data; boundary=a"],
  ["words", "--a\r\n", "multipart/form-data; boundary=a"],
  ["words", "--a--\r\n", 'multipart/form-data; boundary="a"'],
  ["nope", "[1]", json],
  ["churn/9", "[1]", json],
];

test("refuses in TorchServe's words with the field and what was expected", async () => {
  const answers: Record<string, unknown> = {};
  for (const [path, body, type] of refusals) {
    const [status, text] = await send(path, body, type);
    expect(status, text).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.parse(text)).toMatchObject({ code: status });
    answers[`${path} ${type} ${body.slice(0, 40)}`] = JSON.parse(text);
  }
  expect(answers).toMatchSnapshot();
});

async function ask(
  { url }: RestRig,
  method: string,
  path: string,
  body?: string,
): Promise<[number, unknown]> {
  const given = body === undefined ? {} : { body, headers: { "content-type": json } };
  const reply = await fetch(url + path, { method, ...given });
  return [reply.status, await reply.json()];
}

test("lists models page by page where the simple dialect is not spoken", async () => {
  const names = (await ask(managed, "GET", "/models?limit=2"))[1];
  expect(names).toEqual({
    nextPageToken: "2",
    models: [
      { modelName: "churn", modelUrl: "model.onnx" },
      { modelName: "words", modelUrl: "model.onnx" },
    ],
  });
  expect(await ask(managed, "GET", "/models?limit=2&next_page_token=2")).toEqual([
    200,
    { models: [{ modelName: "image", modelUrl: "model.onnx" }] },
  ]);
  expect((await ask(managed, "GET", "/models?limit=0"))[0]).toBe(400);
  expect(await ask(rig, "GET", "/models")).toMatchObject([200, { churn: ["1.0.0"] }]);
  expect((await ask(rig, "POST", "/models", "{}"))[0]).toBe(405);
  expect((await ask(managed, "POST", "/predict", "{}"))[0]).toBe(404);
});

test("describes a model for each of the two", async () => {
  const [status, described] = await ask(managed, "GET", "/models/churn");
  expect(status).toBe(200);
  expect(described).toMatchSnapshot();
  expect((await ask(managed, "GET", "/models/churn/all"))[1]).toEqual(described);
  expect((await ask(managed, "GET", "/models/churn/1.0.0"))[1]).toEqual(described);
  expect((await ask(managed, "GET", "/models/churn/9"))[0]).toBe(404);
  expect(await ask(sagemaker, "GET", "/models/churn")).toEqual([
    200,
    { modelName: "churn", modelUrl: "model.onnx" },
  ]);
});

test("says what cannot be done while the server runs", async () => {
  const exists = [409, { error_code: "ALREADY_EXISTS" }];
  const known = '{"model_name":"churn","url":"s3://x"}';
  expect(await ask(sagemaker, "POST", "/models", known)).toMatchObject(exists);
  expect(await ask(sagemaker, "POST", "/models", '{"model_name":"new"}')).toMatchObject([
    403,
    { error_code: "PERMISSION_DENIED" },
  ]);
  expect((await ask(sagemaker, "POST", "/models", "{}"))[0]).toBe(400);
  expect((await ask(sagemaker, "DELETE", "/models/churn"))[0]).toBe(403);
  expect((await ask(sagemaker, "DELETE", "/models/nope"))[0]).toBe(404);
  expect(await ask(managed, "POST", "/models?model_name=churn&url=x.mar")).toMatchObject([
    409,
    { code: 409, type: "ALREADY_EXISTS" },
  ]);
  expect((await ask(managed, "POST", "/models?url=x.mar"))[0]).toBe(403);
  expect((await ask(managed, "POST", "/models"))[0]).toBe(400);
  expect((await ask(managed, "PUT", "/models/churn?min_worker=2"))[0]).toBe(200);
  expect((await ask(managed, "PUT", "/models/churn?min_worker=9"))[0]).toBe(501);
  expect((await ask(managed, "PUT", "/models/churn/1.0.0?max_worker=1"))[0]).toBe(501);
  expect((await ask(managed, "PUT", "/models/churn?min_worker=x"))[0]).toBe(400);
  expect((await ask(managed, "DELETE", "/models/churn/1.0.0"))[0]).toBe(403);
  expect((await ask(managed, "DELETE", "/models/churn/9"))[0]).toBe(404);
  expect(await ask(managed, "PUT", "/models/churn/1.0.0/set-default")).toEqual([
    200,
    { status: 'Default version successfully updated for model "churn" to "1.0.0"' },
  ]);
  expect((await ask(managed, "PUT", "/models/churn/9/set-default"))[0]).toBe(404);
});
