/**
 * Options of a prediction socket: given, checked, completed.
 */
import type { ClientSettings } from "../client-options.ts";
import { invalidInput, MillraceError } from "../millrace-error.ts";
import type { MakeWebSocket } from "./link.ts";
import type { ReconnectRules } from "./reconnect-policy.ts";

export interface SocketOptions {
  /** A version (`1.2.0`, `3`) or `latest`; default: the server's choice. */
  readonly version?: string;
  /** Requests at the server at once, 1 to 1,024; default 64. */
  readonly inFlightMax?: number;
  /** Requests that wait for a place, 0 to 65,536; default 1,024. One more is OVERLOADED. */
  readonly waitingMax?: number;
  /** Connections in a row that may fail before the socket gives up, 1 to 100; default 5. */
  readonly reconnectsMax?: number;
  /** Instead of the runtime's `WebSocket` (Node has one from 22). */
  readonly webSocket?: MakeWebSocket;
}

export interface SocketRules {
  readonly url: string;
  readonly make: MakeWebSocket;
  readonly inFlightMax: number;
  readonly waitingMax: number;
  readonly reconnect: ReconnectRules;
}

/**
 * @param path of the socket on the server, with its query
 * @throws INVALID_INPUT that names the option; UNSUPPORTED where the runtime has no WebSocket
 */
export function completeSocketOptions(
  path: string,
  options: SocketOptions,
  settings: ClientSettings,
): SocketRules {
  const { inFlightMax = 64, waitingMax = 1_024, reconnectsMax = 5 } = options;
  checkWhole("inFlightMax", inFlightMax, [1, 1_024]);
  checkWhole("waitingMax", waitingMax, [0, 65_536]);
  checkWhole("reconnectsMax", reconnectsMax, [1, 100]);
  const { backoffMsMin, backoffMsMax } = settings.rules.retry;
  // http becomes ws, https becomes wss.
  const base = `ws${settings.url.slice("http".length)}`;
  return {
    url: base + path,
    make: options.webSocket ?? makeWebSocket,
    inFlightMax,
    waitingMax,
    reconnect: { attemptsMax: reconnectsMax, backoffMsMin, backoffMsMax },
  };
}

function makeWebSocket(url: string): WebSocket {
  if (typeof globalThis.WebSocket === "function") return new globalThis.WebSocket(url);
  const message = "this runtime has no WebSocket: give one (webSocket), or use Node 22 or newer";
  throw new MillraceError("UNSUPPORTED", message);
}

function checkWhole(name: string, value: number, [min, max]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalidInput(name, `expected a whole number from ${min} to ${max}, got ${value}`);
}
