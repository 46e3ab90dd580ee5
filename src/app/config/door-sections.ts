/**
 * The sections of the configuration that say how the doors speak: dialects, pages, gRPC.
 *
 * Part of the one schema; where the doors listen stands in its section `server`.
 */
import { z } from "zod";
import { tlsFields } from "./tls-fields.ts";

const since = "0.1.0";

/** The simple dialect. */
export const simpleSchema = z.strictObject({
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

/** The Open Inference Protocol. */
export const oipSchema = z.strictObject({
  serverName: z
    .string()
    .min(1)
    .max(128)
    .default("millrace")
    .meta({ description: "Name in GET /v2; some clients want `triton`.", since }),
});

/** TensorFlow Serving's dialect. */
export const tfsSchema = z.strictObject({
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

/** The routes of Vertex AI. */
export const vertexSchema = z.strictObject({
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

/** Pages of other origins in browsers. */
export const corsSchema = z.strictObject({
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

/** The gRPC door. */
export const grpcSchema = z.strictObject({
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

/** The pages for people. */
export const docsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .meta({ description: "Serve /docs, /openapi.json and /asyncapi.json.", since }),
});
