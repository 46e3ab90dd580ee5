/**
 * The AsyncAPI 3.0 description of the streams that this server answers just now.
 *
 * WebSockets are channels with an operation that receives requests and replies to them; streams of
 * rows over HTTP are channels that send. Each ready version adds its own socket with the schemas of
 * its signature.
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
import type { ServedVersion } from "../../../service/index.ts";
import {
  inferReplySchema,
  inferRequestSchema,
  type JsonSchema,
  predictBodySchemas,
} from "./tensor-schema.ts";

export interface AsyncApiOptions {
  readonly serverVersion: string;
  readonly models: readonly ServedVersion[];
}

const messageId: JsonSchema = {
  type: ["string", "number"],
  description: "The caller's own name of the message, repeated in its reply.",
};
const errorMessage: JsonSchema = {
  name: "error",
  summary: "A message, or a row, that could not be answered.",
  payload: {
    type: "object",
    properties: {
      id: messageId,
      index: { type: "integer", description: "The row, in a stream of rows." },
      error: { type: "string", description: "What was wrong and what to change." },
      code: { type: "string", description: "A stable code: see docs/reference/errors.md." },
      field: { type: "string", description: "What is at fault, in a reply on a socket." },
    },
    required: ["error", "code"],
  },
};
const query: JsonSchema = {
  type: "object",
  properties: {
    order: { enum: ["completed", "sent"], default: "completed" },
    model: { type: "string" },
    model_version: { type: "string" },
  },
};

interface Channel {
  readonly name: string;
  readonly address: string;
  readonly summary: string;
  readonly messages: Readonly<Record<string, JsonSchema>>;
}

function socket(channel: Channel): JsonSchema {
  const { address, summary, messages } = channel;
  const all = { ...messages, error: { $ref: "#/components/messages/error" } };
  return { address, summary, messages: all, bindings: { ws: { method: "GET", query } } };
}

/** What a socket does: each request is replied to on the same channel. */
function answered({ name }: Channel): JsonSchema {
  const channel = { $ref: `#/channels/${name}` };
  const message = (which: string): JsonSchema => ({ $ref: `${channel.$ref}/messages/${which}` });
  return {
    action: "receive",
    channel,
    messages: [message("request")],
    reply: { channel, messages: [message("reply"), message("error")] },
  };
}

function predictSocket(models: readonly ServedVersion[]): Channel {
  const bodies = models.flatMap((served) => predictBodySchemas(served.signature));
  const anyBody = bodies.length === 0 ? { type: "object" } : { anyOf: bodies };
  const named = { type: "object", properties: { id: messageId } };
  return {
    name: "predict",
    address: "/predict/ws",
    summary: "Predictions in the simple forms, many in flight.",
    messages: {
      request: { name: "request", payload: { allOf: [named, anyBody] } },
      reply: { name: "reply", payload: named },
    },
  };
}

function modelSocket({ model, version, signature }: ServedVersion): Channel {
  return {
    name: channelName(`infer.${model}.${version}`),
    address: `/v2/models/${model}/versions/${version}/ws`,
    summary: `Tensors of ${model} ${version}, as text or with raw bytes behind their JSON.`,
    messages: {
      request: { name: "request", payload: inferRequestSchema(signature) },
      reply: { name: "reply", payload: inferReplySchema(signature) },
    },
  };
}

/** Keys hold letters, digits, points, hyphens and underscores; names of models do too. */
function channelName(text: string): string {
  return text.replaceAll("+", "_");
}

const rowsChannel: JsonSchema = {
  address: "/predict/stream",
  summary: "Rows of one POST as they complete: lines of JSON, or server-sent events in order.",
  messages: {
    prediction: {
      name: "prediction",
      payload: {
        type: "object",
        properties: {
          index: { type: "integer", minimum: 0 },
          text: { type: "string" },
          prediction: {},
          probability: { type: "array", items: { type: "number" } },
        },
        required: ["index", "prediction"],
      },
    },
    progress: {
      name: "progress",
      payload: {
        type: "object",
        properties: { progress: { $ref: "#/components/schemas/Counts" } },
        required: ["progress"],
      },
    },
    done: { name: "done", payload: { $ref: "#/components/schemas/Counts" } },
    error: { $ref: "#/components/messages/error" },
  },
  bindings: { http: {} },
};

function count(): JsonSchema {
  return { type: "integer", minimum: 0 };
}

const components: JsonSchema = {
  messages: { error: errorMessage },
  schemas: {
    Counts: {
      type: "object",
      properties: { done: count(), failed: count(), total: count() },
      required: ["done", "failed", "total"],
    },
  },
};

/** The whole document as plain data. */
export function asyncApiDocument({ serverVersion, models }: AsyncApiOptions): JsonSchema {
  const sockets = [predictSocket(models), ...models.map(modelSocket)];
  const channels: Record<string, JsonSchema> = { rows: rowsChannel };
  const operations: Record<string, JsonSchema> = {
    sendRows: { action: "send", channel: { $ref: "#/channels/rows" } },
  };
  for (const each of sockets) {
    channels[each.name] = socket(each);
    operations[`answer.${each.name}`] = answered(each);
  }
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Millrace",
      version: serverVersion,
      description: "Streams of predictions of the models on this server.",
    },
    defaultContentType: "application/json",
    channels,
    operations,
    components,
  };
}
