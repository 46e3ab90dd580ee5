/**
 * What travels on a socket of predictions: a text frame per request and per reply.
 *
 * A request is a body of `/predict` with an `id`; a reply carries the same `id`. An error is
 * `{"id","error","code","field"}`, the field where there is one.
 */
import { isRecord, textOf } from "../json/fields.ts";
import { readJson } from "../json/read-json.ts";
import { MillraceError } from "../millrace-error.ts";
import { predictBody } from "../rest/predict.ts";

/** The JSON object of a reply. */
export type ReplyBody = Readonly<Record<string, unknown>>;

/** @throws INVALID_INPUT */
export function writeFrame(id: string, given: unknown): string {
  return `{"id":${JSON.stringify(id)},${predictBody(given).slice(1)}`;
}

/** A reply of which only its name and its fault are read. */
export interface ReplyFrame<Body> {
  /** "" when the server could not read the id. */
  readonly id: string;
  readonly body: Body;
  readonly error: MillraceError | undefined;
}

/** @returns `undefined` for what is no reply */
export function readFrame(content: unknown): ReplyFrame<ReplyBody> | undefined {
  const body = typeof content === "string" ? parse(content) : undefined;
  return body === undefined ? undefined : { id: textOf(body, "id"), body, error: errorOf(body) };
}

/** The error that a frame tells; `undefined` when it tells none. */
export function errorOf(body: ReplyBody): MillraceError | undefined {
  const code = textOf(body, "code");
  if (code === "") return undefined;
  const field = textOf(body, "field") || undefined;
  return new MillraceError(code, textOf(body, "error"), { field });
}

/** The JSON object in a text; `undefined` for anything else. */
export function parse(text: string): ReplyBody | undefined {
  try {
    const value = readJson(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // No JSON: the frame is none of ours, and the caller says so.
    return undefined;
  }
}
