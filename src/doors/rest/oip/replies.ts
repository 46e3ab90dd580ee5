/**
 * What the answers of this folder are made from.
 */
import type { ServedVersion, Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";

/** What the replies of this folder are made from. */
export interface Replies {
  readonly service: Service;
  /** `oip.serverName` of the configuration. */
  readonly serverName: string;
  /** Version of Millrace. */
  readonly serverVersion: string;
}

/** The model that the path names. */
export function nameOf(exchange: Exchange): string {
  return exchange.parameters[0] ?? "";
}

/** The versions of a model that answer. */
export function servedOf(service: Service, model: string): ServedVersion[] {
  const versions: ServedVersion[] = [];
  for (const entry of service.registry.models.get(model)?.versions.values() ?? []) {
    if (entry.served !== undefined) versions.push(entry.served);
  }
  return versions;
}
