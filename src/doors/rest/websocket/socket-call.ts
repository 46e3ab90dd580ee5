/**
 * One message of a WebSocket as a request: what the reading and running of it needs to know.
 */
import { Cancellation } from "../../../base/index.ts";
import type { StageTimes } from "../../../predict/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import type { Call } from "../call.ts";
import type { RequestHeaders } from "../http/header-scan.ts";

/** What all messages of a socket have from its handshake. */
export interface SocketTerms {
  readonly headers: RequestHeaders;
  readonly queryText: string;
  readonly query: URLSearchParams;
  /** Path parameters: model and version, or none. */
  readonly parameters: readonly string[];
  /** Time for each message, ms; infinite when the caller named none. */
  readonly timeoutMs: number;
  readonly priority: number;
  readonly requestId: string;
}

export class SocketCall implements Call {
  readonly terms: SocketTerms;
  readonly body: Buffer;
  readonly isBinary: boolean;
  readonly cancellation = new Cancellation();
  readonly times: StageTimes;
  deadlineAtMs: number;
  priority: number;
  served: ServedVersion | undefined;
  items = 0;
  /** Not noted for a message: the books take the moment at which they are told. */
  readonly writtenAtMs = 0;
  /** The caller's own name of the message as JSON, once it was read. */
  id: string | undefined;

  constructor(
    terms: SocketTerms,
    message: { readonly bytes: Buffer; readonly isBinary: boolean },
    nowMs: number,
  ) {
    this.terms = terms;
    this.body = message.bytes;
    this.isBinary = message.isBinary;
    this.times = {
      ...{ arrivedAtMs: nowMs, decodedAtMs: nowMs, sentAtMs: 0 },
      ...{ answeredAtMs: 0, runMs: 0, batchItems: 0 },
    };
    this.deadlineAtMs = nowMs + terms.timeoutMs;
    this.priority = terms.priority;
  }

  get requestId(): string {
    return this.terms.requestId;
  }

  get hasOwnDeadline(): boolean {
    return this.terms.headers.timeoutMs !== "";
  }

  get headers(): RequestHeaders {
    return this.terms.headers;
  }

  get queryText(): string {
    return this.terms.queryText;
  }

  get query(): URLSearchParams {
    return this.terms.query;
  }

  /** The socket is over. */
  get isAnswered(): boolean {
    return this.cancellation.isCancelled;
  }
}
