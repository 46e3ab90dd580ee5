/**
 * The routes of other servers' dialects in the OpenAPI description.
 *
 * Their bodies are described by the shape that all models have in common; what a row of one model
 * is stands with `POST /predict`. A listener that does not speak a dialect does not describe it.
 */
import type { DialectName } from "../dialects.ts";
import type { JsonSchema } from "./tensor-schema.ts";

const anyObject: JsonSchema = { type: "object" };
const rows: JsonSchema = { type: "array", description: "A value, a list or an object each." };

function reply(description: string, schema: JsonSchema): JsonSchema {
  const error = {
    description: "What was wrong: the field, what was expected and the limit.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  const ok = { description, content: { "application/json": { schema } } };
  return { "200": ok, "400": error, "404": error, "503": error, "504": error };
}

function get(summary: string): JsonSchema {
  return { get: { summary, responses: reply(summary, anyObject) } };
}

function post(summary: string, schema: JsonSchema): JsonSchema {
  const requestBody = { content: { "application/json": { schema } } };
  return { post: { summary, requestBody, responses: reply("The answer", anyObject) } };
}

/** How a path begins, and the dialects that have it; the first that fits counts. */
const owners: readonly (readonly [start: string, ...dialects: DialectName[]])[] = [
  ["/models/{model}/invoke", "sagemaker", "mlflow"],
  ["/models", "simple"],
  ["/predictions/", "torchserve"],
  ["/predict", "simple"],
  ["/batch_predict", "simple"],
  ["/invocations", "sagemaker", "mlflow"],
  ["/execution-parameters", "sagemaker"],
  ["/v1/", "tfs", "kserve"],
  ["/v2/health/"],
  ["/v2", "oip"],
];

/** True when a listener of these dialects has the path. */
export function isSpoken(path: string, dialects: readonly DialectName[]): boolean {
  const [, ...own] = owners.find(([start]) => path.startsWith(start)) ?? [""];
  return own.length === 0 || own.some((name) => dialects.includes(name));
}

/** @param names the models that answer */
export function foreignPaths(names: readonly string[]): Record<string, JsonSchema> {
  const parameter = { name: "model", in: "path", required: true, schema: { enum: names } };
  const ofModel = (path: JsonSchema): JsonSchema => ({ parameters: [parameter], ...path });
  const examples = { type: "object", properties: { examples: rows, context: anyObject } };
  const predict = {
    oneOf: [
      { type: "object", properties: { instances: rows }, required: ["instances"] },
      { type: "object", properties: { inputs: {} }, required: ["inputs"] },
    ],
  };
  const row = { description: "A row, a list of rows, or a text." };
  return {
    "/invocations": post("Rows, tables or tensors (SageMaker, MLflow, Vertex)", anyObject),
    "/models/{model}/invoke": ofModel(post("The same for one model of several", anyObject)),
    "/execution-parameters": get("What batch transform may send (SageMaker)"),
    "/predictions/{model}": ofModel(post("The value of a prediction (TorchServe)", row)),
    "/v1/models": get("Names of the models (KServe v1, OpenAI)"),
    "/v1/models/{model}": ofModel(get("State of a model (TensorFlow Serving, KServe v1)")),
    "/v1/models/{model}/metadata": ofModel(get("Signature of a model (TensorFlow Serving)")),
    "/v1/models/{model}:predict": ofModel(
      post("Rows or columns (TensorFlow Serving, KServe v1)", predict),
    ),
    "/v1/models/{model}:classify": ofModel(post("Classes of examples", examples)),
    "/v1/models/{model}:regress": ofModel(post("A number for each example", examples)),
  };
}
