/**
 * Requests to go on in another protocol: which are heard, and what becomes of them.
 *
 * Only WebSocket is. Others (h2c, which some clients offer with each request) are left alone, so
 * their request is answered as if they had not asked. One that stands behind a request that is not
 * answered yet is left without an answer, which would overtake: the open one is the last, and then
 * the connection ends.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { type Clock, ServingError } from "../../../base/index.ts";
import { endBroken } from "./connection/broken-connection.ts";
import { leaveHttp, owedResponse } from "./connection/open-exchanges.ts";
import { checkHost, rawHeader, scanHeaders } from "./header-scan.ts";

/** A connection that asks to become another protocol; `head` came behind its request. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

export interface UpgradeRules {
  readonly clock: Clock;
  requestId(given: string): string;
  /** Takes the connection over; `undefined` ends it. @throws what is answered instead */
  readonly upgrade: ((upgrade: Upgrade, requestId: string) => void) | undefined;
}

/** Asked by the parser, before anything else: does this request become a WebSocket? */
export function isWebSocket({ rawHeaders }: IncomingMessage): boolean {
  return rawHeader(rawHeaders, "upgrade").toLowerCase() === "websocket";
}

export function hearUpgrades(server: Server, rules: UpgradeRules): void {
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
    takeUpgrade({ request, socket, head }, rules),
  );
}

function takeUpgrade(upgrade: Upgrade, rules: UpgradeRules): void {
  const { request, socket } = upgrade;
  const headers = scanHeaders(request.rawHeaders);
  const requestId = rules.requestId(headers.requestId);
  if (owedResponse(socket) !== undefined) {
    const error = new ServingError("INVALID_REQUEST", "an upgrade behind an open request");
    endBroken(socket, { clock: rules.clock, error, requestId: () => requestId });
    return;
  }
  if (rules.upgrade === undefined) {
    socket.destroy();
    return;
  }
  try {
    checkHost(headers, request.httpVersionMinor);
    rules.upgrade(upgrade, requestId);
    leaveHttp(socket);
  } catch (thrown) {
    socket.on("error", () => socket.destroy());
    const error = ServingError.from(thrown);
    endBroken(socket, { clock: rules.clock, error, requestId: () => requestId });
  }
}
