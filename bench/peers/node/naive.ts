/**
 * The naive Node server: Fastify with a schema, one run of ONNX Runtime per request, in process.
 *
 * `POST /predict {"features":[n]}` answers one row, `POST /batch {"instances":[[n]]}` many. The
 * route for many rows has no schema: checking 20,000 numbers by one would only flatter whoever is
 * compared with it. The model is a classifier (`label`, `probabilities`) or a network with one
 * output.
 */
import Fastify from "fastify";
import { InferenceSession, Tensor } from "onnxruntime-node";

interface Row {
  readonly features: number[];
}
interface Rows {
  readonly instances: number[][];
}

const session = await InferenceSession.create(process.env["MODEL"] ?? "", {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const input = session.inputNames[0] ?? "";
const isClassifier = session.outputNames.includes("probabilities");
const scoresName = isClassifier ? "probabilities" : (session.outputNames[0] ?? "");

const numbers = { type: "array", items: { type: "number" } };
const schema = {
  body: { type: "object", required: ["features"], properties: { features: numbers } },
  response: {
    200: {
      type: "object",
      properties: { prediction: { type: "integer" }, probabilities: numbers },
    },
  },
};

/** Runs the rows; `scores` are the probabilities, flat. */
async function run(flat: Float32Array, rows: number) {
  const shape = [rows, flat.length / rows];
  const outputs = await session.run({ [input]: new Tensor("float32", flat, shape) });
  const scores = outputs[scoresName]?.data as Float32Array;
  const labels = isClassifier ? (outputs["label"]?.data as BigInt64Array) : undefined;
  return { scores, labels };
}

const app = Fastify({ bodyLimit: 16 * 1024 * 1024 });

app.post<{ Body: Row }>("/predict", { schema }, async (request) => {
  const { scores, labels } = await run(Float32Array.from(request.body.features), 1);
  const probabilities = Array.from(scores);
  if (labels === undefined) return { probabilities };
  return { prediction: Number(labels[0]), probabilities };
});

app.post<{ Body: Rows }>("/batch", async (request) => {
  const rows = request.body.instances;
  const width = rows[0]?.length ?? 0;
  const flat = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) flat.set(row, index * width);
  const { scores, labels } = await run(flat, rows.length);
  const classes = scores.length / rows.length;
  return {
    predictions: Array.from(labels ?? [], Number),
    probabilities: rows.map((_, index) =>
      Array.from(scores.subarray(index * classes, (index + 1) * classes)),
    ),
  };
});

await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"]) });
