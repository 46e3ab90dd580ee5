/**
 * An error as a caller reads it.
 *
 * All dialects carry `error`, `code` and `request_id`; the simple one repeats the message as
 * `detail`, which FastAPI clients read, and names the field where there is one. The dialects of
 * MLflow and TorchServe have shapes of their own.
 */
import { errorTable, type ServingError } from "../../../base/index.ts";

/** How a route writes its errors. */
export type Dialect = "simple" | "oip" | "plain" | "mlflow" | "torchserve";

/** JSON text of the error's body. */
export function errorBody(error: ServingError, requestId: string, dialect: Dialect): string {
  const { code, message } = error;
  if (dialect === "mlflow") return JSON.stringify({ error_code: code, message });
  if (dialect === "torchserve") {
    return JSON.stringify({ code: errorTable[code].http, type: code, message });
  }
  const body: Record<string, unknown> = {
    error: error.message,
    code: error.code,
    request_id: requestId,
  };
  if (dialect === "simple") body["detail"] = error.message;
  if (error.field !== undefined && error.code !== "METHOD_NOT_ALLOWED") body["field"] = error.field;
  return JSON.stringify(body);
}
