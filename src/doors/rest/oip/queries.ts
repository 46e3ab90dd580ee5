/**
 * Answers what callers ask about the server and its models, without running any.
 */
import { ServingError } from "../../../base/index.ts";
import {
  isReadyNow,
  modelConfig,
  modelMetadata,
  oipExtensions,
  repositoryIndex,
  servedOf,
} from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import { nameOf, type Replies } from "./replies.ts";

/** `GET /v2` */
export function serverMetadata(replies: Replies, exchange: Exchange): void {
  const { serverName, serverVersion, service } = replies;
  replyStatus(exchange, 200, {
    name: serverName,
    version: serverVersion,
    extensions: oipExtensions(service),
  });
}

/** `GET /v2/models` */
export function listModels({ service }: Replies, exchange: Exchange): void {
  replyStatus(exchange, 200, { models: [...service.registry.models.keys()] });
}

/** `GET /v2/models/M[/versions/V]` */
export function metadata({ service }: Replies, exchange: Exchange): void {
  const served = service.find(nameOf(exchange), exchange.parameters[1]);
  const versions = servedOf(service, served.model).map((each) => each.version);
  replyStatus(exchange, 200, modelMetadata(served, versions));
}

/** `GET .../ready`: 503 while the version would not answer. */
export function modelReady({ service }: Replies, exchange: Exchange): void {
  const name = nameOf(exchange);
  const version = exchange.parameters[1];
  const isReady = isReadyNow(service, name, version);
  replyStatus(exchange, isReady ? 200 : 503, { name, ready: isReady });
}

/** `GET .../config` */
export function configuration({ service }: Replies, exchange: Exchange): void {
  replyStatus(exchange, 200, modelConfig(service.find(nameOf(exchange), exchange.parameters[1])));
}

/** `POST /v2/repository/index`, `{"ready"?}`: every version that is known, or only ready ones. */
export function replyIndex({ service }: Replies, exchange: Exchange): void {
  const isReadyOnly = wantsReadyOnly(exchange, service.limits.jsonDepthMax);
  replyStatus(exchange, 200, repositoryIndex(service, isReadyOnly));
}

function wantsReadyOnly(exchange: Exchange, jsonDepthMax: number): boolean {
  const reader = new JsonReader(exchange.body, jsonDepthMax);
  if (reader.peek() === "end") return false;
  let isReadyOnly = false;
  reader.enterObject();
  while (reader.nextMember()) {
    if (!reader.isKey("ready")) reader.skipValue();
    else if (reader.peek() === "boolean") isReadyOnly = reader.readBoolean();
    else {
      const message = `ready: expected true or false, got ${reader.shownNext()}`;
      throw new ServingError("INVALID_REQUEST", message, { field: "ready" });
    }
  }
  reader.end();
  return isReadyOnly;
}
