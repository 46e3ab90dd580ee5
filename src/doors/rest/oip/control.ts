/**
 * `POST /v2/repository/models/M/load` and `.../unload`.
 *
 * A configuration or files in the request would serve what nobody has put into the repository, so
 * they are refused by name; `unload_dependents` is read, and nothing depends on a model here.
 */
import { ServingError } from "../../../base/index.ts";
import { controlOf, refuseLoadParameters } from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { nameOf, type Replies } from "./replies.ts";

export async function loadModel({ service }: Replies, exchange: Exchange): Promise<void> {
  const model = nameOf(exchange);
  const control = controlOf(service, "loaded");
  refuseLoadParameters(parameterNames(exchange, service.limits.jsonDepthMax));
  await control.load({ model, place: undefined });
  exchange.replyJson("{}");
}

export async function unloadModel({ service }: Replies, exchange: Exchange): Promise<void> {
  const model = nameOf(exchange);
  const control = controlOf(service, "unloaded");
  parameterNames(exchange, service.limits.jsonDepthMax);
  await control.unload({ model, version: undefined });
  exchange.replyJson("{}");
}

/** Names of the members of `parameters`; the body may be empty. @throws INVALID_REQUEST */
function parameterNames({ body }: Exchange, jsonDepthMax: number): string[] {
  const reader = new JsonReader(body, jsonDepthMax);
  const names: string[] = [];
  if (reader.peek() === "end") return names;
  reader.enterObject();
  while (reader.nextMember()) {
    if (!reader.isKey("parameters")) reader.skipValue();
    else if (reader.peek() === "object") {
      reader.enterObject();
      while (reader.nextMember()) {
        names.push(reader.keyText());
        reader.skipValue();
      }
    } else {
      const message = `parameters: expected an object, got ${reader.shownNext()}`;
      throw new ServingError("INVALID_REQUEST", message, { field: "parameters" });
    }
  }
  reader.end();
  return names;
}
