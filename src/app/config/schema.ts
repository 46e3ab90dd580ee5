/**
 * The configuration of a server: one strict schema.
 *
 * Types, checks, the JSON Schema, the reference page, the example file and the names of environment
 * variables are made from it. After parsing nothing is optional. What belongs to one model stands
 * in its `model.yaml`; what `batching` and `workers` say here wins over it. How the doors speak
 * stands in `door-sections.ts`.
 */
import { z } from "zod";
import { type LimitName, type Limits, limitTable } from "../../base/index.ts";
import { dialectNames } from "../../doors/rest/index.ts";
import { aliasOfText, instancesSchema, runCeilings } from "../../model/index.ts";
import { logLevels } from "../../observe/index.ts";
import {
  corsSchema,
  docsSchema,
  grpcSchema,
  oipSchema,
  simpleSchema,
  tfsSchema,
  vertexSchema,
} from "./door-sections.ts";
import { tlsFields } from "./tls-fields.ts";

const since = "0.1.0";

const serverSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(255)
    .default("0.0.0.0")
    .meta({ description: "Address to listen on; 127.0.0.1 for this machine alone.", since }),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(8_000)
    .meta({ description: "Port of the REST door; 0 picks a free one.", since }),
  listeners: z.int().min(1).max(64).default(16).meta({
    description: "Sockets that accept on the port; more let a burst of new callers in at once.",
    unit: "socket",
    since,
  }),
  unixSocket: z.string().max(100).default("").meta({
    description: "Path of a Unix socket that is listened on beside the port; empty: none.",
    since,
  }),
  fronts: z
    .union([z.int().min(1).max(64), z.literal("auto")], {
      error: "expected a whole number from 1 to 64, or auto",
    })
    .default(1)
    .meta({
      description: "Processes that answer the network; auto: half of the cores. Linux alone.",
      unit: "process",
      since,
    }),
  modelControl: z.boolean().default(false).meta({
    description: "Callers may load and unload models below the server's paths while it runs.",
    since,
  }),
  ...tlsFields,
  dialects: z
    .array(z.enum(dialectNames))
    .min(1)
    .max(dialectNames.length)
    .default([...dialectNames])
    .meta({ description: "Whose clients find their routes on the port.", since }),
});

const modelsSchema = z.strictObject({
  paths: z.array(z.string().min(1).max(4_096)).max(1_000).default([]).meta({
    description: "Model files, packages and repositories; in a file: relative to that file.",
    since,
  }),
  name: z.string().max(128).default("").meta({
    description: "Name of the model when there is one path; empty: from its file or folder.",
    since,
  }),
  aliases: z
    .array(
      z.string().refine((text) => aliasOfText(text) !== undefined, {
        error: "expected the form churn/stable=1.2.0",
      }),
    )
    .max(1_000)
    .default([])
    .meta({
      description: "Names of versions (`churn/stable=1.2.0`); they win over every `aliases.yaml`.",
      since,
    }),
  defaultVersion: z.enum(["stable", "latest"]).default("stable").meta({
    description:
      "Which alias answers a request without a version; `stable` that nobody gave is `latest`.",
    since,
  }),
});

/** What stands here wins over every `model.yaml`; null leaves it to the model. */
const batchingSchema = z.strictObject({
  itemsMax: z.int().min(1).max(runCeilings.itemsMax).nullable().default(null).meta({
    description: "Largest batch; 1 turns batching off. Unset: as the model says, else 32.",
    unit: "item",
    since,
  }),
  delayMsMax: z.number().min(0).max(runCeilings.delayMsMax).nullable().default(null).meta({
    description: "Longest wait for company. Unset: as the model says, else 0.",
    unit: "ms",
    since,
  }),
});

const workersSchema = z.strictObject({
  instances: instancesSchema.nullable().default(null).meta({
    description:
      "Loaded copies of each model; auto: the cores that are left. Unset: as the model says.",
    unit: "instance",
    since,
  }),
  threads: z.int().min(1).max(256).nullable().default(null).meta({
    description: "Threads of one run of the engine. Unset: as the model says, else 1.",
    unit: "thread",
    since,
  }),
  share: z.boolean().default(false).meta({
    description: "Run all models in one worker process; saves memory, shares a crash.",
    since,
  }),
});

const cacheSchema = z.strictObject({
  folder: z.string().max(4_096).default("").meta({
    description: "Rewritten models and passed trials; empty: the user's own cache folder.",
    since,
  }),
});

const logSchema = z.strictObject({
  level: z.enum(logLevels).default("info").meta({
    description: "Lines below this level are not written; debug includes refused requests.",
    since,
  }),
  format: z
    .enum(["auto", "json", "text"])
    .default("auto")
    .meta({ description: "JSON lines or readable lines; auto: readable on a terminal.", since }),
});

function limitSchema(name: LimitName): z.ZodDefault<z.ZodInt> {
  const row = limitTable[name];
  const refusal = row.code === undefined ? "" : ` When hit: ${row.code}.`;
  const description = `${row.meaning}.${refusal}`;
  return z
    .int()
    .min(row.min)
    .max(row.max)
    .default(row.default)
    .meta({ description, unit: row.unit, since });
}

const limitShape = Object.fromEntries(
  (Object.keys(limitTable) as LimitName[]).map((name) => [name, limitSchema(name)]),
) as { [name in LimitName]: z.ZodDefault<z.ZodInt> };

export const configSchema = z
  .strictObject({
    server: serverSchema.prefault({}).meta({ description: "Where the server listens.", since }),
    models: modelsSchema.prefault({}).meta({ description: "What is served.", since }),
    batching: batchingSchema
      .prefault({})
      .meta({ description: "How requests share a run of the engine.", since }),
    workers: workersSchema
      .prefault({})
      .meta({ description: "The processes that run the engine.", since }),
    cache: cacheSchema.prefault({}).meta({ description: "What is kept between starts.", since }),
    simple: simpleSchema.prefault({}).meta({ description: "The simple dialect.", since }),
    oip: oipSchema.prefault({}).meta({ description: "The Open Inference Protocol.", since }),
    tfs: tfsSchema.prefault({}).meta({ description: "The TensorFlow Serving dialect.", since }),
    vertex: vertexSchema.prefault({}).meta({ description: "The routes of Vertex AI.", since }),
    cors: corsSchema
      .prefault({})
      .meta({ description: "Pages of other origins in browsers.", since }),
    grpc: grpcSchema.prefault({}).meta({ description: "The gRPC door.", since }),
    log: logSchema.prefault({}).meta({ description: "The log, on stderr.", since }),
    docs: docsSchema.prefault({}).meta({ description: "The pages for people.", since }),
    limits: z
      .strictObject(limitShape)
      .prefault({})
      .meta({ description: "Every limit of the server; see the page of limits.", since }),
  })
  .meta({ id: "config", title: "millrace.yaml", description: "Configuration of Millrace." });

/** Every value of a server; frozen. */
export type Config = z.infer<typeof configSchema> & { readonly limits: Limits };
