/**
 * What reading and running a request needs of it, whatever carried it: an HTTP exchange, or a
 * message of a WebSocket.
 */
import type { RequestContext } from "../../predict/index.ts";
import type { ServedVersion } from "../../service/index.ts";
import type { RequestHeaders } from "./http/header-scan.ts";

export interface Call extends RequestContext {
  /** Of the request that carried it, or that opened its socket. */
  readonly headers: RequestHeaders;
  /** The part of that request's URL after `?`, or "". */
  readonly queryText: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  /** True once its answer was begun, or its caller has left. */
  readonly isAnswered: boolean;
  /** The caller named a deadline outside the request itself. */
  readonly hasOwnDeadline: boolean;
  deadlineAtMs: number;
  priority: number;
  /** The version it counts on, once known. */
  served: ServedVersion | undefined;
  items: number;
}
