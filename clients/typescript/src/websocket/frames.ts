/**
 * What travels on the socket: a text frame per request and per reply.
 *
 * A request is a body of `/predict` with an `id`; a reply carries the same `id`. An error is
 * `{"id","error","code","field"}`, the field where there is one.
 */
import { isRecord, textOf } from "../json/fields.ts";
import { readJson } from "../json/read-json.ts";
import { MillraceError } from "../millrace-error.ts";
import { predictBody } from "../rest/predict.ts";

/** @throws INVALID_INPUT */
export function writeFrame(id: string, given: unknown): string {
  return `{"id":${JSON.stringify(id)},${predictBody(given).slice(1)}`;
}

export interface ReplyFrame {
  /** "" when the server could not read the id. */
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly error: MillraceError | undefined;
}

/** @returns `undefined` for what is no reply */
export function readFrame(text: unknown): ReplyFrame | undefined {
  const body = typeof text === "string" ? parse(text) : undefined;
  if (body === undefined) return undefined;
  const id = textOf(body, "id");
  const code = textOf(body, "code");
  if (code === "") return { id, body, error: undefined };
  const field = textOf(body, "field") || undefined;
  const requestId = textOf(body, "request_id") || undefined;
  const error = new MillraceError(code, textOf(body, "error"), { field, requestId });
  return { id, body, error };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = readJson(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // No JSON: the frame is none of ours, and the caller says so.
    return undefined;
  }
}
