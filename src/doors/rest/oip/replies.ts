/**
 * What the answers of this folder are made from.
 */
import type { Service } from "../../../service/index.ts";
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
