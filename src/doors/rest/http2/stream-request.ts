/**
 * A stream of HTTP/2 as the request that an exchange reads.
 *
 * The body is collected as that of HTTP/1 is, by the same collector: bytes are counted as they
 * come, and what is over its limit is not kept.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Clock, ServingError } from "../../../base/index.ts";
import { BodyCollector, type BodyLimits } from "../http/body-request.ts";
import type { ExchangeRequest } from "../http/carrier.ts";

export interface StreamRequestParts {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  readonly clock: Clock;
}

/** How long an answer may take to leave before its caller is told to send no more, ms. */
const answerMsMax = 100;

export class StreamRequest implements ExchangeRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly httpVersionMajor = 2;
  readonly httpVersionMinor = 0;
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly host?: string | undefined };
  readonly socket: Socket;
  readonly #collector = new BodyCollector();
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;
  /** The caller sends no body before it is told that it is wanted. */
  readonly #isAsking: boolean;

  constructor({ stream, headers, rawHeaders, socket, clock }: StreamRequestParts) {
    this.method = headers[":method"];
    this.url = headers[":path"];
    this.rawHeaders = rawHeaders;
    this.headers = { host: headers[":authority"] ?? headers.host };
    this.socket = socket;
    this.#stream = stream;
    this.#clock = clock;
    this.#isAsking = headers.expect?.toLowerCase() === "100-continue";
  }

  get isBodyRead(): boolean {
    return this.#collector.isDone;
  }

  /** Bytes of the body that came so far. */
  get bodyBytes(): number {
    return this.#collector.bytes;
  }

  /** A piece of the body, or `null` for its end. */
  push(chunk: Buffer | null): void {
    this.#collector.push(chunk);
  }

  readBody(
    limits: BodyLimits,
    onBody: (body: Buffer, error: ServingError | undefined) => void,
  ): void {
    let isRefused = false;
    this.#collector.read(limits, (body, error) => {
      isRefused = error !== undefined;
      onBody(body, error);
    });
    if (!this.#isAsking || isRefused || this.isBodyRead || this.#stream.closed) return;
    this.#stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  }

  /** The caller is told to stop, but later: that would overtake the answer. */
  closeAfterBody(): void {
    const stream = this.#stream;
    stream.once("finish", () => {
      this.#clock.after(answerMsMax, () => stream.close(constants.NGHTTP2_NO_ERROR));
    });
  }
}
