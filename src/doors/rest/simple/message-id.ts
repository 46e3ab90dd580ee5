/**
 * The id that a caller gives a message on a socket: a string or a number, repeated as it was
 * written.
 */
import { ServingError } from "../../../base/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import { wrongKind } from "./input-rows.ts";

const idBytesMax = 1_024;

/**
 * The next value as JSON text; `undefined` for null.
 * @throws INVALID_REQUEST, INVALID_INPUT no string and no number @throws LIMIT_EXCEEDED too long
 */
export function readMessageId(reader: JsonReader): string | undefined {
  const kind = reader.peek();
  if (kind === "null") {
    reader.readNull();
    return undefined;
  }
  if (kind !== "string" && kind !== "number") throw wrongKind(reader, "id", "a string or a number");
  const from = reader.at;
  reader.skipValue();
  if (reader.at - from <= idBytesMax) return reader.bytes.toString("utf8", from, reader.at);
  const message = `id: more than ${idBytesMax} bytes`;
  throw new ServingError("LIMIT_EXCEEDED", message, { field: "id" });
}

/** The id in a message that could not be answered; `undefined` where none can be read. */
export function findMessageId(bytes: Buffer, jsonDepthMax: number): string | undefined {
  try {
    const reader = new JsonReader(bytes, jsonDepthMax);
    reader.enterObject();
    while (reader.nextMember()) {
      if (reader.isKey("id")) return readMessageId(reader);
      reader.skipValue();
    }
  } catch {
    // What is wrong with the message is told already.
  }
  return undefined;
}
