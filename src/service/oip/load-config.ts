/**
 * What a load request says besides the name: Triton's `config`, a ModelConfig as JSON text.
 *
 * How a model is run may be said by a caller; what it is may not. Members that describe it are
 * taken when they say what the server says of it already, because programs change one member of the
 * configuration that they were given and send all of it back.
 * @see github.com/triton-inference-server/server, docs/protocol/extension_model_repository.md
 */
import { isDeepStrictEqual } from "node:util";
import { didYouMean, quote, ServingError } from "../../base/index.ts";
import {
  configBytesMax,
  type RunSettings,
  readRunConfig,
  runConfigMembers,
} from "../../model/index.ts";
import { JsonReader } from "../../tensor/index.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";
import { modelConfig } from "./describe.ts";
import { servedOf } from "./repository.ts";

/** What the name of a parameter that brings a file begins with. */
export const filePrefix = "file:";

/** The members of `parameters` that mean something. */
export interface LoadParameters {
  /** JSON text; `undefined` when there is none. */
  readonly config: string | undefined;
  /** The name of one that brings a file, `file:1/model.onnx`; `undefined` when none does. */
  readonly file: string | undefined;
}

interface Subject {
  readonly service: Service;
  readonly model: string;
}

const field = "parameters.config";
const member = (name: string): string => (name === "" ? field : `${field}.${name}`);

/**
 * @returns `undefined` when the request has no configuration
 * @throws INVALID_REQUEST naming the member of `parameters.config`
 * @throws UNSUPPORTED for files, and for what would make another model of it
 */
export function loadSettings(subject: Subject, said: LoadParameters): RunSettings | undefined {
  if (said.file !== undefined) throw notTaken(`parameters.${quote(said.file)}`, "");
  if (said.config === undefined) return undefined;
  const { model, service } = subject;
  const config = parse(model, said.config, service.limits.jsonDepthMax);
  const read = readRunConfig(config);
  if ("wrong" in read) throw fault(model, member(read.member), read.wrong);
  checkRest(subject, read.rest);
  return read.settings;
}

function fault(model: string, name: string, wrong: string): ServingError {
  const message = `failed to load ${quote(model)}: ${name}: ${wrong}`;
  return new ServingError("INVALID_REQUEST", message, { field: name });
}

function notTaken(name: string, why: string): ServingError {
  const message = `${name}: known, but not offered${why}: change the model's folder instead`;
  return new ServingError("UNSUPPORTED", message, { field: name });
}

/** @throws INVALID_REQUEST when it is no JSON, or larger or deeper than it may be */
function parse(model: string, config: string, jsonDepthMax: number): unknown {
  // It is read on the loop: what a message may hold would stop all callers for seconds.
  const bytes = Buffer.from(config);
  if (bytes.length > configBytesMax) {
    throw fault(model, field, `got ${bytes.length} bytes, expected at most ${configBytesMax}`);
  }
  try {
    const reader = new JsonReader(bytes, jsonDepthMax);
    reader.skipValue();
    reader.end();
    return JSON.parse(config);
  } catch (thrown) {
    throw fault(model, field, ServingError.from(thrown).message);
  }
}

/**
 * @throws UNSUPPORTED naming the member that says something else than the server does
 * @throws INVALID_REQUEST for a member that is a slip of another one
 */
function checkRest({ service, model }: Subject, rest: ReadonlyMap<string, unknown>): void {
  const [served] = servedOf(service, model);
  const own = ownConfig(model, served);
  for (const [name, value] of rest) {
    const wanted = plain(value);
    // No batch size is not none said, it says that there are no batches.
    if (wanted === undefined && name !== "max_batch_size") continue;
    if (own.has(name) && isDeepStrictEqual(wanted, plain(own.get(name)))) continue;
    const known = [...own.keys(), ...runConfigMembers];
    const hint = known.includes(name) ? "" : didYouMean(name, known);
    if (hint !== "") throw fault(model, member(quote(name)), `not known${hint}`);
    const why = served === undefined ? " while the model is not loaded" : "";
    throw notTaken(member(quote(name)), why);
  }
}

/** What its own configuration says besides settings; what is not loaded says its name alone. */
function ownConfig(model: string, served: ServedVersion | undefined): ReadonlyMap<string, unknown> {
  const config = served === undefined ? { name: model } : modelConfig(served);
  const read = readRunConfig(config);
  if ("wrong" in read) throw new ServingError("INTERNAL", `our own ${read.member}: ${read.wrong}`);
  return read.rest;
}

/**
 * A value as any writer of protobuf's JSON would give it: numbers as text, and `undefined` for what
 * stands for nothing.
 */
function plain(value: unknown): unknown {
  if (typeof value === "number") return value === 0 ? undefined : String(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(plain);
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, each]) => [name, plain(each)] as const);
    const kept = members.filter(([, each]) => each !== undefined);
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  }
  const isNothing = value === "" || value === false || value === null || value === "0";
  return isNothing ? undefined : value;
}
