/**
 * The OpenAPI 3.1 description of what this server answers just now.
 *
 * General routes are written down once; each ready version adds its own `infer` route with the
 * schemas of its signature, and its bodies to `POST /predict`.
 */
import type { ServedVersion } from "../../../service/index.ts";
import type { DialectName } from "../dialects.ts";
import { foreignPaths, isSpoken } from "./foreign-paths.ts";
import {
  inferReplySchema,
  inferRequestSchema,
  type JsonSchema,
  predictBodySchemas,
} from "./tensor-schema.ts";

export interface OpenApiOptions {
  readonly serverVersion: string;
  readonly models: readonly ServedVersion[];
  /** Routes of other dialects are not there, so they are not described. */
  readonly dialects: readonly DialectName[];
}

const errorReply = {
  description: "What was wrong: the field, what was expected and the limit.",
  content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
};

const errors = { "400": errorReply, "404": errorReply, "503": errorReply, "504": errorReply };

function ok(description: string, schema: JsonSchema): JsonSchema {
  return { "200": { description, content: { "application/json": { schema } } } };
}

function get(summary: string, schema: JsonSchema): JsonSchema {
  return { get: { summary, responses: ok(summary, schema) } };
}

const anyObject: JsonSchema = { type: "object" };

function generalPaths(bodies: JsonSchema[], names: readonly string[]): Record<string, JsonSchema> {
  const model = { name: "model", in: "query", schema: { type: "string", enum: names } };
  const version = { name: "model_version", in: "query", schema: { type: "string" } };
  const body = (schema: JsonSchema): JsonSchema => ({
    content: { "application/json": { schema } },
  });
  return {
    "/predict": {
      post: {
        summary: "One prediction, in any of the simple forms",
        parameters: [model, version],
        requestBody: body({ anyOf: bodies }),
        responses: { ...ok("The prediction", anyObject), ...errors },
      },
    },
    "/batch_predict": {
      post: {
        summary: "Many predictions; each may fail alone",
        parameters: [model, version],
        requestBody: body({ oneOf: [{ type: "array", items: anyObject }, anyObject] }),
        responses: { ...ok("One entry an item, in order", anyObject), ...errors },
      },
    },
    "/predict/stream": {
      post: {
        summary: "Many predictions as lines of JSON or as events, a row as it completes",
        parameters: [model, version],
        requestBody: body(anyObject),
        responses: {
          "200": {
            description: "Lines",
            content: {
              "application/x-ndjson": { schema: anyObject },
              "text/event-stream": { schema: anyObject },
            },
          },
          ...errors,
        },
      },
    },
    "/models": get("Models and their versions", anyObject),
    "/models/{model}": withModel(get("What is known about a model", anyObject), names),
    "/models/{model}/metrics": withModel(get("Figures of a model", anyObject), names),
    "/health": get("Whether a prediction would be answered", anyObject),
    "/health/live": get("Whether the process answers", anyObject),
    "/health/ready": get("Whether all required models are ready", anyObject),
    "/metrics": get("Prometheus text, or latency figures as JSON", anyObject),
    "/v2": get("Name, version and extensions of the server", anyObject),
    "/v2/health/live": get("Open Inference Protocol liveness", anyObject),
    "/v2/health/ready": get("Open Inference Protocol readiness", anyObject),
    "/v2/models": get("Names of the models", anyObject),
    "/v2/models/stats": get("Statistics of all models", anyObject),
    ...foreignPaths(names),
  };
}

function withModel(path: JsonSchema, names: readonly string[]): JsonSchema {
  const parameter = { name: "model", in: "path", required: true, schema: { enum: names } };
  return { parameters: [parameter], ...path };
}

function modelPaths(served: ServedVersion): Record<string, JsonSchema> {
  const base = `/v2/models/${served.model}/versions/${served.version}`;
  const infer = {
    post: {
      summary: `Run ${served.model} ${served.version} (Open Inference Protocol)`,
      requestBody: {
        content: {
          "application/json": { schema: inferRequestSchema(served.signature) },
          "application/octet-stream": {
            schema: { type: "string", format: "binary" },
          },
        },
      },
      responses: { ...ok("The outputs", inferReplySchema(served.signature)), ...errors },
    },
  };
  return {
    [base]: get(`Signature of ${served.model} ${served.version}`, anyObject),
    [`${base}/infer`]: infer,
    [`${base}/ready`]: get(`Whether ${served.model} ${served.version} is ready`, anyObject),
    [`${base}/config`]: get(`Configuration of ${served.model} ${served.version}`, anyObject),
    [`${base}/stats`]: get(`Statistics of ${served.model} ${served.version}`, anyObject),
  };
}

const components = {
  schemas: {
    Error: {
      type: "object",
      properties: {
        error: { type: "string", description: "What was wrong and what to change." },
        code: { type: "string", description: "A stable code: see docs/reference/errors.md." },
        request_id: { type: "string" },
        field: { type: "string", description: "The part of the request at fault." },
        detail: { type: "string", description: "The message again, for the simple dialect." },
      },
      required: ["error", "code", "request_id"],
    },
  },
};

/** The whole document as plain data. */
export function openApiDocument(options: OpenApiOptions): JsonSchema {
  const bodies = options.models.flatMap((served) => predictBodySchemas(served.signature));
  const names = [...new Set(options.models.map((served) => served.model))];
  const paths = generalPaths(bodies, names);
  for (const served of options.models) Object.assign(paths, modelPaths(served));
  const spoken = Object.entries(paths).filter(([path]) => isSpoken(path, options.dialects));
  return {
    openapi: "3.1.0",
    info: {
      title: "Millrace",
      version: options.serverVersion,
      description: "Predictions of the models on this server.",
    },
    paths: Object.fromEntries(spoken),
    components,
  };
}
