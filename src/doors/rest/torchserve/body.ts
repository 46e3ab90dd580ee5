/**
 * What a body of `/predictions` is: JSON, or one value as it is (a text, a file).
 *
 * A form (`multipart/form-data`, what `curl -F` sends) holds it in a part named `data` or `body`.
 */
import { ServingError } from "../../../base/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { formPart } from "./form-part.ts";

export interface TorchserveBody {
  readonly bytes: Buffer;
  readonly isJson: boolean;
}

const names: readonly string[] = ["data", "body"];

/** @throws INVALID_REQUEST a form without such a part */
export function bodyOf({ body, headers }: Exchange): TorchserveBody {
  const type = headers.contentType.trim();
  const lower = type.toLowerCase();
  if (lower.startsWith("multipart/form-data")) {
    const part = formPart(body, type, names);
    if (part === undefined) throw noPart();
    const isTyped = part.contentType !== "" && !isOctets(part.contentType);
    return {
      bytes: part.bytes,
      isJson: isTyped ? isJsonType(part.contentType) : looksJson(part.bytes),
    };
  }
  if (lower === "" || isOctets(lower)) return { bytes: body, isJson: looksJson(body) };
  if (lower.startsWith("application/x-www-form-urlencoded")) {
    // curl -d and -T say so, whatever they send.
    return { bytes: body, isJson: looksJson(body) };
  }
  return { bytes: body, isJson: isJsonType(lower) };
}

function isOctets(type: string): boolean {
  return type.startsWith("application/octet-stream");
}

function isJsonType(type: string): boolean {
  const bare = (type.split(";", 1)[0] ?? "").trim();
  return bare === "application/json" || bare.endsWith("+json") || bare === "text/json";
}

/** True when the first byte that is no white space opens a list or an object. */
function looksJson(bytes: Buffer): boolean {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x5b || first === 0x7b;
}

function noPart(): ServingError {
  const message = "the form has no part named 'data', expected the row, text or file there";
  return new ServingError("INVALID_REQUEST", message, { field: "data" });
}
