/**
 * An error as a caller reads it.
 *
 * All dialects carry `error`, `code` and `request_id`; the simple one repeats the message as
 * `detail`, which FastAPI clients read, and names the field where there is one.
 */
import type { ServingError } from "../../../base/index.ts";

/** How a route writes its errors. */
export type Dialect = "simple" | "oip" | "plain";

/** JSON text of the error's body. */
export function errorBody(error: ServingError, requestId: string, dialect: Dialect): string {
  const body: Record<string, unknown> = {
    error: error.message,
    code: error.code,
    request_id: requestId,
  };
  if (dialect === "simple") body["detail"] = error.message;
  if (error.field !== undefined && error.code !== "METHOD_NOT_ALLOWED") body["field"] = error.field;
  return JSON.stringify(body);
}
