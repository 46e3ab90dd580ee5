/**
 * `POST /v2/repository/models/M/load` and `.../unload`.
 *
 * `unload_dependents` is read, and nothing depends on a model here.
 */
import { ServingError } from "../../../base/index.ts";
import {
  controlOf,
  filePrefix,
  type LoadParameters,
  loadSettings,
} from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { nameOf, type Replies } from "./replies.ts";

export async function loadModel({ service }: Replies, exchange: Exchange): Promise<void> {
  const model = nameOf(exchange);
  const control = controlOf(service, "loaded");
  const said = readParameters(exchange, service.limits.jsonDepthMax);
  const settings = loadSettings({ service, model }, said);
  await control.load({ model, place: undefined, settings });
  exchange.replyJson("{}");
}

export async function unloadModel({ service }: Replies, exchange: Exchange): Promise<void> {
  const model = nameOf(exchange);
  const control = controlOf(service, "unloaded");
  readParameters(exchange, service.limits.jsonDepthMax);
  await control.unload({ model, version: undefined });
  exchange.replyJson("{}");
}

/** The body may be empty. @throws INVALID_REQUEST */
function readParameters({ body }: Exchange, jsonDepthMax: number): LoadParameters {
  const reader = new JsonReader(body, jsonDepthMax);
  let said: LoadParameters = { config: undefined, file: undefined };
  if (reader.peek() === "end") return said;
  reader.enterObject();
  while (reader.nextMember()) {
    if (!reader.isKey("parameters")) reader.skipValue();
    else if (reader.peek() === "object") said = readMembers(reader);
    else {
      const message = `parameters: expected an object, got ${reader.shownNext()}`;
      throw new ServingError("INVALID_REQUEST", message, { field: "parameters" });
    }
  }
  reader.end();
  return said;
}

function readMembers(reader: JsonReader): LoadParameters {
  let config: string | undefined;
  let file: string | undefined;
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("config")) config = readConfig(reader);
    else {
      const name = reader.keyText();
      if (name.startsWith(filePrefix)) file = name;
      reader.skipValue();
    }
  }
  return { config, file };
}

function readConfig(reader: JsonReader): string {
  if (reader.peek() === "string") return reader.readString();
  const message = `parameters.config: expected JSON as text, got ${reader.shownNext()}`;
  throw new ServingError("INVALID_REQUEST", message, { field: "parameters.config" });
}
