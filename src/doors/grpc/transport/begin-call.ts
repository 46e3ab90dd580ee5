/**
 * How a call is let in, whatever carries it: its method is found, a server that takes nothing just
 * now refuses it, its terms are read, and it starts to read.
 */
import { type Limits, quote, ServingError } from "../../../base/index.ts";
import type { CallHeaders } from "../http2/headers/call-headers.ts";
import { headerPairsMax } from "../http2/headers/header-decoder.ts";
import type { Method } from "../method.ts";
import type { CallSettings } from "./call.ts";
import type { OpenCall } from "./open-call.ts";
import { readTerms } from "./terms.ts";
import type { CallWatch } from "./watch-calls.ts";

/** Where calls come in. */
export interface CallHost {
  readonly limits: Limits;
  /** The methods by path; one entry for each method of each service. */
  readonly methods: ReadonlyMap<string, Method>;
  readonly settings: CallSettings;
  readonly nextRequestId: (given: string) => string;
  /** At most http2StreamsMax for each of at most connectionsMax connections. */
  readonly calls: Set<OpenCall>;
  readonly watch: CallWatch;
  /** Throws the error that refuses all work just now (draining), or returns. */
  admit(): void;
}

/** What its head says of a call. */
export interface CallHead {
  readonly path: string;
  readonly headers: CallHeaders;
  /** Of all names and values together. */
  readonly headerBytes: number;
  /** Fields that were sent; `headers` may have fewer. */
  readonly headerPairs: number;
}

/** @throws what the call is refused with */
export function beginCall(host: CallHost, call: OpenCall, head: CallHead): void {
  checkHeaders(head, host.limits);
  const method = host.methods.get(head.path);
  if (method === undefined) throw unknownMethod(head.path);
  const { work } = call;
  if (method.isWork) {
    host.admit();
    if (method.kind === "unary") host.settings.began(work);
  }
  const { allowedMs, priority } = readTerms(head.headers, host.limits.deadlineMsMax);
  if (allowedMs !== undefined) work.allow(allowedMs);
  work.priority = priority;
  call.open(method);
}

function checkHeaders({ headerBytes, headerPairs }: CallHead, { headerBytesMax }: Limits): void {
  if (headerBytes > headerBytesMax) {
    const message = `the metadata has ${headerBytes} bytes; the limit is ${headerBytesMax}`;
    throw new ServingError("HEADER_TOO_LARGE", message, { limit: "headerBytesMax" });
  }
  if (headerPairs > headerPairsMax) {
    const message = `the metadata has ${headerPairs} fields, the limit is ${headerPairsMax}`;
    throw new ServingError("HEADER_TOO_LARGE", message);
  }
}

function unknownMethod(path: string): ServingError {
  return new ServingError("NOT_FOUND", `no method ${quote(path)} is served here`);
}
