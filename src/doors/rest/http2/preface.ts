/**
 * Takes a connection whose first bytes are the preface of HTTP/2 from the parser of HTTP/1.
 *
 * A caller who knows that the server speaks HTTP/2 begins with 24 fixed bytes (RFC 9113, 3.4). The
 * parser of Node stops behind them, in however many pieces they came, and says so; so connections
 * of HTTP/1 pay nothing for the other protocol, where a look at the first bytes would cost each of
 * them. Over TLS the handshake has settled the protocol, and the preface is no way around it.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { begunExchanges, leaveHttp } from "../http/connection/open-exchanges.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The word of Node's parser for them. */
const prefaceCode = "HPE_PAUSED_H2_UPGRADE";

/** What Node says when its parser stops. */
export interface ParserStop extends Error {
  readonly code?: string | undefined;
  /** What it was reading, and how much of that it has read. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** What Node keeps on a connection of HTTP/1. */
interface ParsedSocket extends Socket {
  /** `remove` takes it off the list of those who are late with their headers. */
  readonly parser?: { remove?(): void } | null;
}

/** True when the parser stopped for the preface as the first thing on a connection without TLS. */
export function isPreface({ code }: ParserStop, socket: Socket): boolean {
  return code === prefaceCode && begunExchanges(socket) === 0 && !(socket instanceof TLSSocket);
}

/** Frees `socket` from the parser; what it has read and what came behind is to be read again. */
export function takeFromParser(stop: ParserStop, socket: Socket): void {
  leaveHttp(socket);
  // The parser reads the system's bytes itself until somebody listens.
  socket.on("data", () => {});
  for (const event of ["data", "end", "drain", "error", "timeout"]) {
    socket.removeAllListeners(event);
  }
  (socket as ParsedSocket).parser?.remove?.();
  socket.pause();
  const rest = stop.rawPacket?.subarray(stop.bytesParsed ?? 0) ?? Buffer.alloc(0);
  socket.unshift(Buffer.concat([preface, rest]));
}
