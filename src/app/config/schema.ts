/**
 * The configuration of a server: one strict schema.
 *
 * Types, checks, the JSON Schema, the reference page, the example file and the names of environment
 * variables are made from it. After parsing nothing is optional. What belongs to one model stands
 * in its `model.yaml`; what `batching` and `workers` say here wins over it. One file because one
 * reads the whole of it.
 */
import { z } from "zod";
import { type LimitName, type Limits, limitTable } from "../../base/index.ts";
import { dialectNames } from "../../doors/rest/index.ts";
import { aliasOfText, runCeilings } from "../../model/index.ts";
import { logLevels } from "../../observe/index.ts";
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
  instances: z
    .union([z.int().min(1).max(runCeilings.instances), z.literal("auto")], {
      error: "expected a whole number from 1 to 64, or auto",
    })
    .nullable()
    .default(null)
    .meta({
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

const simpleSchema = z.strictObject({
  defaultModel: z.string().max(128).default("").meta({
    description: "Model of a simple request that names none; empty: the only one.",
    since,
  }),
  validationStatus: z
    .literal([400, 422])
    .default(400)
    .meta({ description: "HTTP status of an input that breaks the signature.", since }),
  metricsDefault: z
    .enum(["text", "json"])
    .default("text")
    .meta({ description: "What GET /metrics answers to a caller who takes anything.", since }),
});

const oipSchema = z.strictObject({
  serverName: z
    .string()
    .min(1)
    .max(128)
    .default("millrace")
    .meta({ description: "Name in GET /v2; some clients want `triton`.", since }),
});

const tfsSchema = z.strictObject({
  bareNan: z.boolean().default(false).meta({
    description: "Read and write NaN and Infinity as bare tokens, as TensorFlow Serving does.",
    since,
  }),
});

/** A path of fixed segments. */
const routeSchema = z
  .string()
  .max(1_024)
  .refine((path) => path === "" || (path.startsWith("/") && !path.includes("/:")), {
    error: "expected a path that starts with / and has no segment that starts with :",
  })
  .default("");

const vertexSchema = z.strictObject({
  healthRoute: routeSchema.meta({
    description: "Path of the health check; AIP_HEALTH_ROUTE sets it on Vertex AI.",
    since,
  }),
  predictRoute: routeSchema.meta({
    description: 'Path that takes {"instances": [row]}; AIP_PREDICT_ROUTE sets it on Vertex AI.',
    since,
  }),
});

/** `*`, or a scheme, a host and perhaps a port: what a browser sends as Origin. */
function isOrigin(text: string): boolean {
  if (text === "*") return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

const corsSchema = z.strictObject({
  origins: z
    .array(
      z.string().max(512).refine(isOrigin, {
        error: "expected an origin like https://app.example or http://localhost:3000, or *",
      }),
    )
    .max(100)
    .default([])
    .meta({
      description:
        "Origins (`https://app.example`) of pages on other hosts that may call and open " +
        "WebSockets, with spaces between in a variable or flag; `*` is any.",
      separator: " ",
      since,
    }),
  maxAgeS: z.int().min(0).max(86_400).default(600).meta({
    description: "How long a browser remembers what a preflight was answered.",
    unit: "s",
    since,
  }),
});

const grpcSchema = z.strictObject({
  enabled: z.boolean().default(true).meta({ description: "Open the gRPC door.", since }),
  host: z.string().max(255).default("").meta({
    description: "Address that the gRPC door listens on; empty: as `server.host`.",
    since,
  }),
  port: z.int().min(0).max(65_535).nullable().default(null).meta({
    description: "Port of the gRPC door. Unset: 8001, or any free one where `server.port` is 0.",
    since,
  }),
  reflection: z
    .boolean()
    .default(true)
    .meta({ description: "Tell tools which services and messages there are.", since }),
  web: z
    .boolean()
    .default(true)
    .meta({ description: "Take calls of browsers (gRPC-Web) on the same port.", since }),
  ...tlsFields,
  keepAliveMs: z.int().min(1_000).max(86_400_000).default(60_000).meta({
    description: "How often a connection is asked whether it is still there.",
    unit: "ms",
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

const docsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .meta({ description: "Serve /docs, /openapi.json and /asyncapi.json.", since }),
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
