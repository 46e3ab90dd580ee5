/**
 * Sends one HTTP request and reads its whole reply, or hands out its body as it comes.
 *
 * Everything that fails is a `MillraceError`: the server's own, or CONNECTION_FAILED. The time left
 * travels as `x-request-timeout-ms`, so the server stops working when nobody waits any more.
 */
import type { Clock } from "../clock.ts";
import { MillraceError } from "../millrace-error.ts";
import { errorOfReply } from "./error-reply.ts";

/** `fetch`, as every runtime has it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Below the server's address, with its query: `/predict?model=churn`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Statuses beside 2xx that are an answer and no error. */
  readonly answers?: readonly number[];
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface SenderOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Largest reply that is read, bytes after inflating. */
  readonly replyBytesMax: number;
}

export class HttpSender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** @throws the server's error for any status but 2xx; CONNECTION_FAILED; the signal's reason */
  async send(request: HttpRequest, signal: AbortSignal, leftMs: number): Promise<HttpReply> {
    const response = await this.#fetch(request, signal, leftMs);
    const bytes = await this.#readAll(response, signal);
    const isAnswer = response.ok || request.answers?.includes(response.status) === true;
    if (!isAnswer) throw errorOfReply(response, bytes, this.#options.clock.wallMs());
    return { status: response.status, headers: response.headers, bytes };
  }

  /** The same, with the body left to be read. The caller reads or cancels it. */
  async open(request: HttpRequest, signal: AbortSignal, leftMs: number): Promise<Response> {
    const response = await this.#fetch(request, signal, leftMs);
    if (response.ok) return response;
    const bytes = await this.#readAll(response, signal);
    throw errorOfReply(response, bytes, this.#options.clock.wallMs());
  }

  async #fetch(request: HttpRequest, signal: AbortSignal, leftMs: number): Promise<Response> {
    if (signal.aborted) throw signal.reason;
    const { url, fetch, headers } = this.#options;
    const all: Record<string, string> = { ...headers, ...request.headers };
    if (Number.isFinite(leftMs)) all["x-request-timeout-ms"] = String(Math.ceil(leftMs) || 1);
    const init: RequestInit = { method: request.method, headers: all, signal };
    if (request.body !== undefined) init.body = request.body;
    try {
      return await fetch(url + request.path, init);
    } catch (thrown) {
      throw connectionError(thrown, signal, url);
    }
  }

  async #readAll(response: Response, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { url, replyBytesMax } = this.#options;
    if (response.body === null) return new Uint8Array();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.length;
        if (bytes > replyBytesMax) throw tooLarge(replyBytesMax);
        chunks.push(value);
      }
    } catch (thrown) {
      if (MillraceError.is(thrown)) {
        await reader.cancel(thrown).catch(() => undefined);
        throw thrown;
      }
      throw connectionError(thrown, signal, url);
    }
    return join(chunks, bytes);
  }
}

function tooLarge(bytesMax: number): MillraceError {
  const message = `the reply is larger than ${bytesMax} bytes (replyBytesMax)`;
  return new MillraceError("INVALID_REPLY", message);
}

/** What a broken connection throws; the reason of the signal when that is what broke it. */
export function connectionError(thrown: unknown, signal: AbortSignal, url: string): unknown {
  if (signal.aborted) return signal.reason;
  if (MillraceError.is(thrown)) return thrown;
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const why = cause instanceof Error && cause.message !== "" ? cause.message : String(thrown);
  return new MillraceError("CONNECTION_FAILED", `${url} does not answer: ${why}`, {
    cause: thrown,
  });
}

function join(chunks: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
