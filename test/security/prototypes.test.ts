// Goal: a key of a caller never becomes a property of ours. Method: the dangerous names as keys at
// each depth of each JSON body, as query names, headers, fields, models, inputs, outputs and
// parameters of the built server; afterwards other requests are answered as before.
import { afterAll, beforeAll, expect, test } from "vitest";
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";
import { identity } from "../../tools/onnx/models.ts";
import { get, post } from "../support/built-server.ts";
import { demoModels, type House, openHouse } from "./hostile-house.ts";

const names = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "toJSON",
  "then",
  "length",
  "__defineGetter__",
  "__lookupSetter__",
  "isAdmin",
];
/** Names of this kind that a model may have. */
const legal = ["constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "then"];

let house: House;

/** A model whose only input and output have a dangerous name. */
function named(name: string): Uint8Array {
  return writeModel({
    nodes: [{ op: "Identity", inputs: [name], outputs: [`${name}_out`] }],
    inputs: [tensorValue(name, "FP32", ["batch", 1])],
    outputs: [tensorValue(`${name}_out`, "FP32", ["batch", 1])],
  });
}

beforeAll(async () => {
  const files: Record<string, Uint8Array | string> = {};
  for (const name of legal) files[`${name}/1/model.onnx`] = identity("FP32", ["batch", 1]);
  files["odd-input/1/model.onnx"] = named("constructor");
  files["worst-input/1/model.onnx"] = named("__proto__");
  files["odd-columns/1/model.onnx"] = identity("FP32", ["batch", 3]);
  files["odd-columns/1/model.yaml"] =
    "inputs:\n  x:\n    columns: [{name: constructor}, {name: toString}, {name: __proto__}]\n";
  house = await openHouse({ files, args: [demoModels, "--workers-share"] });
});
afterAll(() => house.close());

const values = ['{"a":1}', "null", "1", '"x"', "[]", '{"isAdmin":true,"toString":1}'];

interface Place {
  readonly path: string;
  /** `?` marks where the member goes. */
  readonly body: string;
  /** True where unknown members are skipped by contract. */
  readonly isSkipped: boolean;
}

const tensor = '"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]';
const places: readonly Place[] = [
  { path: "/v2/models/row/infer", body: `{?"inputs":[{${tensor}}]}`, isSkipped: true },
  { path: "/v2/models/row/infer", body: `{"inputs":[{?${tensor}}]}`, isSkipped: true },
  {
    path: "/v2/models/row/infer",
    body: `{"inputs":[{${tensor}}],"outputs":[{?"name":"y"}]}`,
    isSkipped: true,
  },
  {
    path: "/v2/models/row/infer",
    body: `{"inputs":[{${tensor}}],"parameters":{?"priority":1}}`,
    isSkipped: false,
  },
  {
    path: "/v2/models/row/infer",
    body: `{"inputs":[{${tensor},"parameters":{?"a":1}}]}`,
    isSkipped: false,
  },
  {
    path: "/v2/models/row/infer",
    body: `{"inputs":[{${tensor}}],"unknown":{?"b":{?"c":[{?"d":1}]}}}`,
    isSkipped: true,
  },
  { path: "/predict?model=row", body: '{?"features":[1,2,3,4]}', isSkipped: true },
  { path: "/predict", body: '{?"model_name":"row","input_data":[[1,2,3,4]]}', isSkipped: true },
  {
    path: "/predict?model=churn",
    body: '{"features":{?"age":35,"tenure":24,"monthly_charges":70,"total_charges":1700}}',
    isSkipped: false,
  },
  {
    path: "/predict?model=churn",
    body: '{?"age":35,"tenure":24,"monthly_charges":70,"total_charges":1700}',
    isSkipped: false,
  },
  {
    path: "/predict?model=churn",
    body: '{"instances":[{?"age":35,"tenure":24,"monthly_charges":70,"total_charges":1700}]}',
    isSkipped: false,
  },
  { path: "/predict?model=sentiment", body: '{?"text":"good"}', isSkipped: true },
  {
    path: "/batch_predict",
    body: '[{?"model_name":"row","input_data":[[1,2,3,4]]}]',
    isSkipped: true,
  },
  { path: "/batch_predict?model=row", body: '{?"instances":[[1,2,3,4]]}', isSkipped: true },
  { path: "/predict/stream?model=row", body: '{?"instances":[[1,2,3,4]]}', isSkipped: true },
  { path: "/v2/repository/index", body: '{?"ready":true}', isSkipped: true },
];

test("ignores or refuses dangerous keys at each depth of each body", async () => {
  let cases = 0;
  for (const { path, body, isSkipped } of places) {
    const plain = await post(house.url + path, body.replaceAll("?", ""));
    expect([body, plain.status]).toEqual([body, 200]);
    for (const name of names) {
      for (const value of values) {
        for (const key of [
          `"${name}"`,
          `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`,
        ]) {
          const sent = body.replaceAll("?", `${key}:${value},`);
          const reply = await post(house.url + path, sent);
          cases += 1;
          expect([sent, [200, 400].includes(reply.status)]).toEqual([sent, true]);
          if (isSkipped) expect([sent, reply.status]).toEqual([sent, 200]);
        }
      }
    }
  }
  expect(cases).toBeGreaterThan(2_000);
  await house.endsWell();
}, 120_000);

test("takes them as names of queries, headers and routes for what they are: unknown", async () => {
  for (const name of names) {
    for (const path of ["/models", "/metrics", "/v2", "/health", "/health/ready"]) {
      expect((await get(`${house.url}${path}?${name}=1&${name}[${name}]=2`)).status).toBe(200);
    }
    for (const path of [
      `/${name}`,
      `/v2/${name}`,
      `/v2/models/${name}/${name}`,
      `/models/x/${name}`,
    ]) {
      expect([path, (await get(house.url + path)).status]).toEqual([path, 404]);
    }
    expect((await get(`${house.url}/models?model=${name}`, { [`x-${name}`]: "1" })).status).toBe(
      200,
    );
  }
});

test("does not find a model, version or output that only Object.prototype has", async () => {
  const x = { name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] };
  for (const name of names) {
    if (!legal.includes(name)) {
      expect([name, (await get(`${house.url}/models/${name}`)).status]).toEqual([name, 404]);
    }
    expect((await get(`${house.url}/models/row?version=${name}`)).status).toBe(404);
    const asked = [
      { inputs: [{ ...x, name }] },
      { inputs: [{ ...x, datatype: name }] },
      { inputs: [x], outputs: [{ name }] },
    ];
    for (const body of asked) {
      const reply = await post(`${house.url}/v2/models/row/infer`, body);
      expect([body, reply.status]).toEqual([body, 400]);
    }
  }
});

test("serves models and inputs that are really called so", async () => {
  for (const name of legal) {
    const x = { name: "x", shape: [1, 1], datatype: "FP32", data: [7] };
    const reply = await post(`${house.url}/v2/models/${name}/infer`, { inputs: [x] });
    expect([name, reply.status]).toEqual([name, 200]);
    expect((await get(`${house.url}/models/${name}`)).body).toMatchObject({ name });
  }
  const list = (await get(`${house.url}/models`)).body as Record<string, string[]>;
  for (const name of legal) expect(Object.hasOwn(list, name)).toBe(true);
  expect((await get(`${house.url}/openapi.json`)).status).toBe(200);
});

test("serves inputs that are called so, but for the one name that no object can hold", async () => {
  const input = { shape: [1, 1], datatype: "FP32", data: [7] };
  const inputs = [{ name: "constructor", ...input }];
  const reply = await post(`${house.url}/v2/models/odd-input/infer`, { inputs });
  expect(reply.body).toMatchObject({ outputs: [{ name: "constructor_out", data: [7] }] });
  const refused = await get(`${house.url}/models/worst-input`);
  expect(refused.body).toMatchObject({ state: "failed" });
  expect(refused.text).toContain("'__proto__'");
});

test("fields that are really called so are taken, or the package is refused", async () => {
  const { body } = await get(`${house.url}/models/odd-columns`);
  if ((body as { state: string }).state === "failed") return;
  const url = `${house.url}/predict?model=odd-columns`;
  const reply = await post(url, '{"features":{"__proto__":3,"toString":2,"constructor":1}}');
  expect(reply.status).toBe(200);
  expect((await post(url, '{"features":{"toString":2,"constructor":1}}')).status).toBe(400);
  expect((await post(url, '{"features":{}}')).status).toBe(400);
});

test("ends well", () => house.endsWell({ allowed: ["MODEL_NOT_READY"] }));
