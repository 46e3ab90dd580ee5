/**
 * What an exchange needs of the request that carried it and of the reply that goes back.
 *
 * Node's classes of HTTP/1 fit (`BodyRequest`, `ReplyResponse`), and so does a stream of HTTP/2
 * (`../http2`). Nothing here is called through a layer: both are used as they are.
 */
import type { Socket } from "node:net";
import type { ServingError } from "../../../base/index.ts";
import type { BodyLimits } from "./body-request.ts";

export interface ExchangeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly host?: string | undefined };
  /** The connection it came on. */
  readonly socket: Socket;
  /** True once the end of the body was seen. */
  readonly isBodyRead: boolean;
  /** Asks for the body. REQUIRES: called in the same turn in which the request arrived. */
  readBody(
    limits: BodyLimits,
    onBody: (body: Buffer, error: ServingError | undefined) => void,
  ): void;
  /** The answer comes before the body is in, and the caller is to send no more of it. */
  closeAfterBody(): void;
}

/** A reply that is written as it becomes ready. */
export interface ReplyStream {
  /** Bytes that were written and not taken yet. */
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(text: string, taken: () => void): unknown;
  end(text?: string): unknown;
  /** Cuts it off. */
  destroy(): unknown;
}

export interface Reply extends ReplyStream {
  readonly req: { readonly httpVersionMinor: number; readonly method?: string | undefined };
  /** True once every byte was handed to the system. */
  readonly isSent: boolean;
  readonly statusCode: number;
  /** False when its connection ends with it; of HTTP/1. */
  shouldKeepAlive: boolean;
  /** @param headers names and values by turns */
  writeHead(status: number, headers: string[]): unknown;
  write(chunk: Uint8Array): unknown;
  write(text: string, taken: () => void): unknown;
  end(text?: string | Uint8Array): unknown;
  end(text: string, encoding: BufferEncoding): unknown;
  /** Calls `act` once the system has taken every byte; not where that cannot be told. */
  onSent?(act: () => void): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}
