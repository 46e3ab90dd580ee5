// Goal: the same rows get bit-equal answers through every door and dialect, for every demo model.
// Method: rows from a seed go through all of the built server; the answers of the Open Inference
// Protocol are taken as bytes, the others are compared with them by value of the dtype.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DoorAnswer, type DoorQuestion, doors } from "../support/ask-doors.ts";
import { type BuiltServer, root, startBuilt } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";
import { inferBinary } from "../support/oip-client.ts";

const rowsPerModel = 24;

interface Demo {
  readonly name: string;
  readonly input: string;
  readonly datatype: string;
  /** Names of the columns, where the model has any. */
  readonly columns: readonly string[];
  row(random: () => number): (number | string)[];
}

const texts = [
  "what a wonderful film",
  'dull, far too long and "clever"',
  "I would not, could not: see it again",
  "best day of the year",
];

const numbers = (count: number, max: number) => (random: () => number) =>
  Array.from({ length: count }, () => Math.fround(random() * max));

const demos: readonly Demo[] = [
  {
    name: "churn",
    input: "features",
    datatype: "FP32",
    columns: ["age", "tenure", "monthly_charges", "total_charges"],
    row: (random) => [
      Math.floor(random() * 100),
      Math.floor(random() * 60),
      Math.fround(random() * 120),
      Math.fround(random() * 5_000),
    ],
  },
  { name: "digits", input: "pixels", datatype: "FP32", columns: [], row: numbers(64, 16) },
  {
    name: "sentiment",
    input: "text",
    datatype: "BYTES",
    columns: ["text"],
    row: (random) => [texts[Math.floor(random() * texts.length)] ?? ""],
  },
  {
    name: "trees",
    input: "features",
    datatype: "FP32",
    columns: Array.from({ length: 20 }, (_, index) => `x${String(index + 1).padStart(2, "0")}`),
    row: numbers(20, 4),
  },
  {
    name: "wafer",
    input: "sensors",
    datatype: "FP32",
    columns: ["film_thickness_nm", "line_width_nm", "overlay_nm", "roughness_nm", "particle_count"],
    row: (random) => [...numbers(4, 50)(random), Math.floor(random() * 1_000)],
  },
];

/** A small generator with a seed (mulberry32), so that a failure can be played again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let server: BuiltServer;
/** The same models for clients of SageMaker and TorchServe alone, on a port without `simple`. */
let platform: BuiltServer;

beforeAll(async () => {
  server = await startBuilt([`${root}/models`]);
  platform = await startBuilt([`${root}/models`, "--set", "server.dialects=sagemaker:torchserve"]);
}, 120_000);
afterAll(async () => {
  await Promise.all([server?.stop(), platform?.stop()]);
});

/** Label and scores of every row, as exact numbers. */
interface Truth {
  readonly labels: readonly (number | string)[];
  readonly scores: readonly (readonly number[])[];
}

async function truthOf(demo: Demo, rows: readonly (number | string)[][]): Promise<Truth> {
  const isText = demo.datatype === "BYTES";
  const width = rows[0]?.length ?? 0;
  const shape = isText ? await textShape(demo, rows.length) : [rows.length, width];
  const { outputs, error } = await inferBinary(`${server.url}/v2/models/${demo.name}/infer`, [
    { name: demo.input, datatype: demo.datatype, shape, values: rows.flat() },
  ]);
  expect(error).toBeUndefined();
  const labels = outputs.find((output) => output.name === "label")?.values ?? [];
  const flat = outputs.find((output) => output.name === "probabilities")?.values ?? [];
  const classes = flat.length / rows.length;
  return {
    labels: labels.map((label) => (typeof label === "string" ? label : Number(label))),
    scores: rows.map((_, row) => flat.slice(row * classes, (row + 1) * classes).map(Number)),
  };
}

/** A text model may declare `[-1]` or `[-1, 1]`. */
async function textShape(demo: Demo, items: number): Promise<number[]> {
  const reply = await fetch(`${server.url}/v2/models/${demo.name}`);
  const { inputs } = (await reply.json()) as { inputs: { shape: number[] }[] };
  return (inputs[0]?.shape ?? []).map((size, index) => (index === 0 ? items : Math.abs(size)));
}

async function ask(path: string, body: unknown, type = "application/json", accept = "*/*") {
  const base = path.startsWith("/platform") ? platform.url : server.url;
  const reply = await fetch(base + path.replace("/platform", ""), {
    method: "POST",
    headers: { "content-type": type, accept },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await reply.text();
  expect(reply.status, `${path} ${text}`).toBe(200);
  return text;
}

const parse = (text: string): unknown => JSON.parse(text);

/** FP32 values in their shortest spelling come back as the same bits. */
function bits(values: unknown): unknown {
  if (Array.isArray(values)) return values.map(bits);
  return typeof values === "number" ? Math.fround(values) : values;
}

/** The replies of unary calls, one after the other. */
async function callGrpc(path: string, requests: readonly Plain[]): Promise<Plain[]> {
  const client = new GrpcClient(server.grpc);
  const replies: Plain[] = [];
  for (const request of requests) {
    const metadata = path.startsWith("Sentiment") ? { "x-model": "sentiment" } : {};
    const { code, details, reply } = await client.call(path, request, { metadata });
    expect(code, details).toBe(0);
    replies.push(reply);
  }
  client.close();
  return replies;
}

/** The replies of one stream. */
async function streamGrpc(path: string, requests: readonly Plain[]): Promise<Plain[]> {
  const client = new GrpcClient(server.grpc);
  const metadata = { "x-model": "sentiment" };
  const { code, details, replies } = await client.exchange(path, requests, { metadata });
  client.close();
  expect(code, details).toBe(0);
  return [...replies];
}

/** The last bit of a score may depend on who shares a run. */
function roughly({ sentiment, confidence }: Plain): Plain {
  return { sentiment, confidence: Number(confidence).toFixed(5) };
}

function csvOf(rows: readonly (number | string)[][], header: readonly string[]): string {
  const cell = (value: number | string) =>
    typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : String(value);
  const lines = rows.map((row) => row.map(cell).join(","));
  return [...(header.length === 0 ? [] : [header.join(",")]), ...lines].join("\n");
}

describe.each(demos)("$name", (demo) => {
  const random = randomOf(demo.name.length);
  const rows = Array.from({ length: rowsPerModel }, () => demo.row(random));
  const isText = demo.datatype === "BYTES";
  /** Rows as dialects of tensors write them: a bare value where a row is one. */
  const instances = isText ? rows.map((row) => row[0]) : rows;
  const objects = rows.map((row) =>
    Object.fromEntries(demo.columns.map((name, index) => [name, row[index]])),
  );
  const query = `?model=${demo.name}`;
  let truth: Truth;

  beforeAll(async () => {
    truth = await truthOf(demo, rows);
  });

  describe("every door gives the bits of the first", () => {
    let question: DoorQuestion;
    let first: DoorAnswer;

    beforeAll(async () => {
      const width = rows[0]?.length ?? 0;
      const shape = isText ? await textShape(demo, rows.length) : [rows.length, width];
      const { input: name, datatype } = demo;
      const tensor = { name, datatype, shape, values: rows.flat() };
      question = { model: demo.name, tensor, instances };
      const [askFirst] = Object.values(doors);
      if (askFirst === undefined) throw new Error("there is no door");
      first = await askFirst(server, question);
      expect(first.labels).toEqual(truth.labels);
      expect(first.scores.flat().length).toBeGreaterThan(rowsPerModel);
    });

    test.each(Object.entries(doors))("%s", async (_, ask) => {
      expect(await ask(server, question)).toEqual(first);
    });
  });

  test("the simple dialect", async () => {
    const reply = parse(await ask(`/predict${query}`, { instances }));
    expect(reply).toMatchObject({ predictions: truth.labels });
    expect(bits((reply as { probabilities: unknown }).probabilities)).toEqual(truth.scores);
  });

  test("TensorFlow Serving and KServe: rows, columns, classes", async () => {
    const path = `/v1/models/${demo.name}`;
    const wanted = rows.map((_, row) => ({
      label: truth.labels[row],
      probabilities: truth.scores[row],
    }));
    const byRow = parse(await ask(`${path}:predict`, { instances })) as {
      predictions: { label: unknown; probabilities: unknown }[];
    };
    const shown = byRow.predictions.map(({ label, probabilities }) => ({
      label,
      probabilities: bits(probabilities),
    }));
    expect(shown).toEqual(wanted);
    const inputs = { [demo.input]: instances };
    const byColumn = parse(await ask(`${path}/versions/1:predict`, { inputs })) as {
      outputs: { label: unknown; probabilities: unknown };
    };
    expect(byColumn.outputs.label).toEqual(truth.labels);
    expect(bits(byColumn.outputs.probabilities)).toEqual(truth.scores);
    const examples = instances.map((value) => ({ [demo.input]: value }));
    const classes = parse(await ask(`${path}/labels/latest:classify`, { examples })) as {
      results: [string, number][][];
    };
    const scores = classes.results.map((each) => each.map(([, score]) => Math.fround(score)));
    expect(scores).toEqual(truth.scores);
  });

  test("TensorFlow Serving over gRPC: classes of examples", async () => {
    const list = isText ? "bytes_list" : "float_list";
    const examples = rows.map((row) => {
      const value = isText ? [Buffer.from(String(row[0]))] : row;
      return { features: { feature: { [demo.input]: { [list]: { value } } } } };
    });
    const [end] = await callGrpc("tensorflow.serving.PredictionService/Classify", [
      { model_spec: { name: demo.name }, input: { example_list: { examples } } },
    ]);
    const result = end?.["result"] as
      | { classifications: { classes: { label: string; score: number }[] }[] }
      | undefined;
    const scores = result?.classifications.map(({ classes }) => classes.map(({ score }) => score));
    expect(scores).toEqual(truth.scores);
  });

  test.runIf(isText)("the service of texts: all at once, one by one, as a stream", async () => {
    const requests = rows.map(([text]) => ({ text: String(text) }));
    const [batch] = await callGrpc("SentimentService/PredictBatch", [{ requests }]);
    const ends = [
      batch?.["responses"] as Plain[],
      await callGrpc("SentimentService/Predict", requests),
      await streamGrpc("SentimentService/PredictStream", requests),
    ];
    const wanted = truth.labels.map((sentiment, row) => ({
      sentiment,
      confidence: Math.max(...(truth.scores[row] ?? [])),
    }));
    expect(ends[0]).toEqual(wanted);
    for (const each of ends.slice(1)) expect(each?.map(roughly)).toEqual(wanted.map(roughly));
  });

  test("MLflow: every key", async () => {
    const columns = demo.columns.length === 0 ? rows[0]?.map((_, index) => index) : demo.columns;
    const bodies: object[] = [
      { instances },
      { inputs: instances },
      { inputs: { [demo.input]: instances } },
      { dataframe_split: { columns, data: rows } },
    ];
    if (demo.columns.length > 0) bodies.push({ dataframe_records: objects });
    for (const body of bodies) {
      const reply = parse(await ask(`/invocations${query}`, body));
      expect(reply, Object.keys(body).join()).toEqual({ predictions: truth.labels });
    }
  });

  test("SageMaker: tables and lines, both ways", async () => {
    const path = `/platform/models/${demo.name}/invoke`;
    for (const header of [[], demo.columns]) {
      const text = await ask(path, csvOf(rows, header), "text/csv", "text/csv");
      expect(text).toBe(truth.labels.map((label) => `${label}\n`).join(""));
    }
    const body = instances.map((row) => JSON.stringify(row)).join("\n");
    const lines = await ask(path, body, "application/jsonlines", "application/jsonlines");
    const replies = lines.trimEnd().split("\n").map(parse) as {
      prediction: unknown;
      probability: unknown;
    }[];
    expect(replies.map(({ prediction }) => prediction)).toEqual(truth.labels);
    expect(replies.map(({ probability }) => bits(probability))).toEqual(truth.scores);
  });

  test("TorchServe: rows and each by itself", async () => {
    const path = `/platform/predictions/${demo.name}`;
    expect(parse(await ask(path, instances))).toEqual(truth.labels);
    expect(parse(await ask(path, { instances }))).toEqual({ predictions: truth.labels });
    const row = instances[0];
    expect(parse(await ask(path, JSON.stringify(row)))).toEqual(truth.labels[0]);
    if (!isText) return;
    expect(parse(await ask(path, String(row), "text/plain"))).toEqual(truth.labels[0]);
  });
});
