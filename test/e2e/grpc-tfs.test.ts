// Goal: a client of TensorFlow Serving's gRPC API gets what its REST API and the Open Inference
// Protocol give, bit by bit, and every refusal has its code and names the field. Method: the built
// server with the demo models, a foreign client over our proto files.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, get, post, root, startBuilt } from "../support/built-server.ts";
import { GrpcClient, type GrpcEnd, type Plain } from "../support/grpc-client.ts";

let server: BuiltServer;
let client: GrpcClient;
const prediction = "tensorflow.serving.PredictionService";
const states = "tensorflow.serving.ModelService";
const row = [45, 12, 79.5, 954];

beforeAll(async () => {
  server = await startBuilt([join(root, "models")]);
  client = new GrpcClient(server.grpc);
});

afterAll(async () => {
  client?.close();
  await server?.stop("SIGKILL");
});

function shapeOf(sizes: readonly number[]): Plain {
  return { dim: sizes.map((size) => ({ size })) };
}

function floats(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

const content = { dtype: 1, tensor_shape: shapeOf([1, 4]), tensor_content: floats(row) };
const listed = { dtype: 1, tensor_shape: shapeOf([1, 4]), float_val: row };

function churn(features: Plain, more: Plain = {}): Promise<GrpcEnd> {
  const request = { model_spec: { name: "churn" }, inputs: { features }, ...more };
  return client.call(`${prediction}/Predict`, request);
}

interface Output {
  readonly dtype: string;
  readonly float_val: number[];
  readonly int64_val: string[];
  readonly tensor_shape: { dim: { size: string }[] };
}

function outputsOf({ reply }: GrpcEnd): Record<string, Output> {
  return reply["outputs"] as Record<string, Output>;
}

test("raw bytes and lists give the bits of REST and of the Open Inference Protocol", async () => {
  const url = `${server.url}/v1/models/churn:predict`;
  const { body } = await post(url, { inputs: { features: [row] } });
  const rest = (body as { outputs: { label: number[]; probabilities: number[][] } }).outputs;
  const oip = await client.call("inference.GRPCInferenceService/ModelInfer", {
    model_name: "churn",
    inputs: [{ name: "features", datatype: "FP32", shape: [1, 4] }],
    raw_input_contents: [floats(row)],
  });
  const [label, probabilities] = oip.reply["raw_output_contents"] as Buffer[];
  for (const features of [content, listed]) {
    const end = await churn(features);
    expect(end.code, end.details).toBe(0);
    expect(end.reply["model_spec"]).toMatchObject({
      name: "churn",
      version: { value: "1" },
      signature_name: "serving_default",
    });
    const outputs = outputsOf(end);
    expect(outputs["probabilities"]?.dtype).toBe("DT_FLOAT");
    expect(outputs["probabilities"]?.tensor_shape.dim.map(({ size }) => size)).toEqual(["1", "2"]);
    expect(outputs["label"]).toMatchObject({
      dtype: "DT_INT64",
      int64_val: rest.label.map(String),
    });
    const scores = floats(outputs["probabilities"]?.float_val ?? []);
    expect(scores).toEqual(floats(rest.probabilities.flat()));
    expect(scores).toEqual(probabilities);
    expect(label?.readBigInt64LE(0)).toBe(BigInt(outputs["label"]?.int64_val[0] ?? "none"));
  }
});

test("one value fills the shape, and output_filter picks outputs in its order", async () => {
  const filled = await churn({ dtype: 1, tensor_shape: shapeOf([3, 4]), float_val: [7] });
  const whole = await churn({
    ...{ dtype: 1, tensor_shape: shapeOf([3, 4]) },
    float_val: new Array<number>(12).fill(7),
  });
  expect(filled.code).toBe(0);
  expect(filled.reply).toEqual(whole.reply);
  const one = await churn(listed, { output_filter: ["probabilities"] });
  expect(Object.keys(outputsOf(one))).toEqual(["probabilities"]);
});

test("text travels as string_val", async () => {
  const known = await client.call("inference.GRPCInferenceService/ModelMetadata", {
    name: "sentiment",
  });
  const [input] = known.reply["inputs"] as { name: string; shape: string[] }[];
  const sizes = input?.shape.map((size) => (size === "-1" ? 1 : Number(size))) ?? [];
  const text = { dtype: 7, tensor_shape: shapeOf(sizes), string_val: [Buffer.from("so good")] };
  const inputs = { [input?.name ?? ""]: text };
  const end = await client.call(`${prediction}/Predict`, {
    model_spec: { name: "sentiment" },
    inputs,
  });
  expect(end.code, end.details).toBe(0);
  const oip = await client.call("inference.GRPCInferenceService/ModelInfer", {
    model_name: "sentiment",
    inputs: [
      {
        ...{ name: input?.name, datatype: "BYTES", shape: sizes },
        contents: { bytes_contents: [Buffer.from("so good")] },
      },
    ],
  });
  const names = (oip.reply["outputs"] as { name: string; datatype: string }[]).map((each) => each);
  const raw = oip.reply["raw_output_contents"] as Buffer[];
  const outputs = outputsOf(end);
  expect(Object.keys(outputs).sort()).toEqual(names.map(({ name }) => name).sort());
  names.forEach(({ name, datatype }, index) => {
    if (datatype === "FP32") expect(floats(outputs[name]?.float_val ?? [])).toEqual(raw[index]);
  });
});

test("versions, revisions and labels name what they name over REST", async () => {
  const by = (spec: Plain): Promise<GrpcEnd> => churn(listed, { model_spec: spec });
  const wanted = await churn(listed);
  for (const spec of [
    { name: "churn", version: { value: 1 } },
    { name: "churn", version_label: "latest" },
    { name: "churn", signature_name: "serving_default" },
  ]) {
    expect((await by(spec)).reply).toEqual(wanted.reply);
  }
  expect(await by({ name: "nobody" })).toMatchObject({ code: 5 });
  expect(await by({ name: "churn", version: { value: 9 } })).toMatchObject({ code: 5 });
  expect(await by({ name: "churn", version_label: "1.0.0" })).toMatchObject({ code: 5 });
  const unknown = await by({ name: "churn", signature_name: "other" });
  expect(unknown).toMatchObject({ code: 3 });
  expect(unknown.details).toContain("model_spec.signature_name");
  const nameless = await by({});
  expect(nameless.code).toBe(3);
  expect(nameless.details).toContain("model_spec.name");
});

test("status and metadata are those of REST", async () => {
  const { body } = await get(`${server.url}/v1/models/churn`);
  const { model_version_status } = body as { model_version_status: object[] };
  const status = await client.call(`${states}/GetModelStatus`, { model_spec: { name: "churn" } });
  expect(status.reply["model_version_status"]).toEqual(model_version_status);
  const metadata = await client.call(`${prediction}/GetModelMetadata`, {
    model_spec: { name: "churn" },
    metadata_field: ["signature_def"],
  });
  expect(metadata.code, metadata.details).toBe(0);
  const told = metadata.reply["metadata"] as Record<string, { type_url: string; value: Buffer }>;
  expect(told["signature_def"]?.type_url).toBe(
    "type.googleapis.com/tensorflow.serving.SignatureDefMap",
  );
  expect(told["signature_def"]?.value.toString("latin1")).toContain("serving_default");
  const none = await client.call(`${prediction}/GetModelMetadata`, {
    model_spec: { name: "churn" },
  });
  expect(none.code).toBe(3);
  expect(none.details).toContain("metadata_field");
  const other = await client.call(`${prediction}/GetModelMetadata`, {
    model_spec: { name: "churn" },
    metadata_field: ["assets"],
  });
  expect(other.details).toContain("metadata_field[0]");
  expect(await client.call(`${states}/GetModelStatus`, {})).toMatchObject({ code: 3 });
  const nobody = { model_spec: { name: "nobody" } };
  expect(await client.call(`${states}/GetModelStatus`, nobody)).toMatchObject({ code: 5 });
});

test("what is not offered says so", async () => {
  const multi = await client.call(`${prediction}/MultiInference`, {});
  const reload = await client.call(`${states}/HandleReloadConfigRequest`, {});
  expect([multi.code, reload.code]).toEqual([12, 12]);
  expect(multi.details).toContain("MultiInference");
  expect(reload.details).toContain("HandleReloadConfigRequest");
});

test("a tensor that lies is INVALID_ARGUMENT and names its field", async () => {
  const refused: [Plain, string][] = [
    [{ ...listed, tensor_shape: shapeOf([2, 4]) }, "inputs['features'].float_val"],
    [{ ...content, tensor_shape: shapeOf([2, 4]) }, "inputs['features'].tensor_content"],
    [{ ...listed, tensor_shape: shapeOf([-1, 4]) }, "inputs['features']"],
    [{ ...listed, tensor_shape: shapeOf([1, 5]) }, "inputs['features']"],
    [{ ...listed, float_val: [...row, 1] }, "inputs['features'].float_val"],
    [{ dtype: 1, tensor_shape: shapeOf([1, 4]), double_val: row }, "inputs['features'].double_val"],
    [{ dtype: 2, tensor_shape: shapeOf([1, 4]), double_val: row }, "inputs['features']"],
    [{ ...listed, dtype: 0 }, "inputs['features'].dtype"],
    [{ ...listed, ...content }, "inputs['features'].tensor_content"],
    [{ ...listed, tensor_shape: { unknown_rank: true } }, "unknown_rank"],
  ];
  for (const [features, field] of refused) {
    const end = await churn(features);
    expect(end.code, JSON.stringify(features)).toBe(3);
    expect(end.details).toContain(field);
  }
  const filter = await churn(listed, { output_filter: ["score"] });
  expect(filter).toMatchObject({ code: 3 });
  expect(filter.details).toContain("output_filter[0]");
  const { code, details } = await client.call(`${prediction}/Predict`, {
    model_spec: { name: "churn" },
    inputs: { feature: listed },
  });
  expect(code).toBe(3);
  expect(details).toContain("'feature'");
});

function feature(kind: string, values: readonly unknown[]): Plain {
  return { [kind]: { value: values } };
}

interface Classified {
  readonly classifications: { classes: { label: string; score: number }[] }[];
}

async function classify(name: string, input: Plain): Promise<unknown> {
  const request = { model_spec: { name }, input };
  const end = await client.call(`${prediction}/Classify`, request);
  expect(end.code, end.details).toBe(0);
  const { classifications } = end.reply["result"] as Classified;
  return classifications.map(({ classes }) => classes.map(({ label, score }) => [label, score]));
}

async function classifyOverRest(name: string, body: Plain): Promise<unknown> {
  const { body: told } = await post(`${server.url}/v1/models/${name}:classify`, body);
  const { results } = told as { results: [string, number][][] };
  return results.map((classes) => classes.map(([label, score]) => [label, Math.fround(score)]));
}

test("examples are classified as over REST: columns, context, whole rows, text", async () => {
  const numbers = (values: Record<string, number>): Plain => ({
    features: {
      feature: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, feature("float_list", [value])]),
      ),
    },
  });
  const some = { age: 45, tenure: 12 };
  const context = { monthly_charges: 79.5, total_charges: 954 };
  const examples = [numbers(some), numbers({ ...some, monthly_charges: 20.25 })];
  const given = await classify("churn", {
    example_list_with_context: { examples, context: numbers(context) },
  });
  const wanted = await classifyOverRest("churn", {
    examples: [some, { ...some, monthly_charges: 20.25 }],
    context,
  });
  expect(given).toEqual(wanted);
  const whole = { features: { feature: { features: feature("float_list", row) } } };
  const rows = await classify("churn", { example_list: { examples: [whole] } });
  expect(rows).toEqual((wanted as unknown[]).slice(0, 1));
  const text = "a wonderful day";
  const texts = { features: { feature: { text: feature("bytes_list", [Buffer.from(text)]) } } };
  expect(await classify("sentiment", { example_list: { examples: [texts] } })).toEqual(
    await classifyOverRest("sentiment", { examples: [{ text }] }),
  );
});

test("examples that do not suit are INVALID_ARGUMENT and name what is wrong", async () => {
  const ask = (method: string, examples: readonly Plain[]): Promise<GrpcEnd> =>
    client.call(`${prediction}/${method}`, {
      model_spec: { name: "churn" },
      input: { example_list: { examples } },
    });
  const old = { age: feature("float_list", [400]), tenure: feature("int64_list", [1]) };
  const monthly_charges = feature("float_list", [1]);
  const ends = await Promise.all([
    ask("Classify", []),
    ask("Classify", [{ features: { feature: { ages: feature("float_list", [1]) } } }]),
    ask("Classify", [{ features: { feature: { ...old, monthly_charges } } }]),
    ask("Regress", [{ features: { feature: { features: feature("float_list", row) } } }]),
  ]);
  expect(ends.map(({ code }) => code)).toEqual([3, 3, 3, 3]);
  const told = ends.map(({ details }) => details);
  expect(told[0]).toContain("input: no examples");
  expect(told[1]).toContain("input.examples[0]: the model has no feature 'ages'");
  expect(told[2]).toContain("input.examples[0].age");
  expect(told[3]).toContain("regress");
});
