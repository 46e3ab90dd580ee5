/**
 * Learns the shapes of a running server's models: `GET /models`, then `GET /models/M` for each.
 *
 * The address is that of the server, for all of its models, or of one model
 * (`http://host/models/churn`). What comes back is checked: behind an address may be anything.
 */
import { z } from "zod";
import { isModelName, isVersion } from "../../../model/index.ts";
import { CommandError, exitCodes } from "../../terminal.ts";
import type { ModelShape } from "./model-shape.ts";

/** Models that one declaration describes. */
const modelsMax = 1_000;
const replyMsMax = 30_000;

const tensor = { name: z.string(), datatype: z.string(), shape: z.array(z.int()) };
const label = z.union([z.string(), z.number()]);
const column = z.object({
  name: z.string(),
  datatype: z.string(),
  min: z.number().optional(),
  max: z.number().optional(),
  default: z.number().optional(),
});
const details = z.object({
  name: z.string().refine(isModelName),
  version: z.string().refine(isVersion),
  inputs: z.array(
    z.object({ ...tensor, optional: z.boolean().optional(), columns: z.array(column).optional() }),
  ),
  outputs: z.array(z.object({ ...tensor, role: z.string(), labels: z.array(label).optional() })),
  batching: z.object({ layout: z.string() }),
});
const notLoaded = z.object({ name: z.string(), state: z.string(), inputs: z.undefined() });
const list = z.record(z.string(), z.array(z.string()));

export interface AskedShapes {
  readonly shapes: readonly ModelShape[];
  /** Names of models that are not loaded. */
  readonly unloaded: readonly string[];
}

/** @throws CommandError when the address is none, or what answers is no Millrace */
export async function askServer(address: string): Promise<AskedShapes> {
  const url = URL.parse(address);
  if (url === null) throw new CommandError(`'${address}' is no address`, exitCodes.usage);
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) : url.pathname;
  const base = url.origin + path;
  const isModel = path.slice(0, path.lastIndexOf("/")).endsWith("/models");
  if (isModel) return await readAll([base]);
  const names = Object.keys(await fetchJson(`${base}/models`, list));
  if (names.length > modelsMax) {
    throw new CommandError(`${base} has ${names.length} models; at most ${modelsMax} are written`);
  }
  return await readAll(names.map((name) => `${base}/models/${encodeURIComponent(name)}`));
}

async function readAll(addresses: readonly string[]): Promise<AskedShapes> {
  const shapes: ModelShape[] = [];
  const unloaded: string[] = [];
  for (const address of addresses) {
    const found = await fetchJson(address, z.union([notLoaded, details]));
    if ("state" in found) unloaded.push(found.name);
    else shapes.push(shapeOf(found));
  }
  return { shapes, unloaded };
}

async function fetchJson<S extends z.ZodType>(address: string, schema: S): Promise<z.output<S>> {
  const reply = await fetch(address, { signal: AbortSignal.timeout(replyMsMax) }).catch(
    (thrown: unknown) => {
      throw new CommandError(`${address} does not answer: ${reasonOf(thrown)}`);
    },
  );
  const body: unknown = await reply.json().catch(() => undefined);
  if (!reply.ok) throw new CommandError(`${address} answered ${reply.status}`);
  const read = schema.safeParse(body);
  if (!read.success) throw new CommandError(`${address} does not answer as Millrace does`);
  return read.data;
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error ? cause.message : String(thrown);
}

function shapeOf(found: z.output<typeof details>): ModelShape {
  const { name, version, inputs, outputs, batching } = found;
  return {
    name,
    version,
    isBatchable: batching.layout !== "none",
    inputs: inputs.map(({ optional, columns, ...input }) => ({
      ...input,
      isOptional: optional === true,
      columns: columns?.map(({ default: fallback, min, max, ...each }) => ({
        ...each,
        min,
        max,
        hasDefault: fallback !== undefined,
      })),
    })),
    outputs: outputs.map(({ labels, ...output }) => ({ ...output, labels: labels?.map(String) })),
  };
}
