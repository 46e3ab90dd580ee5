/**
 * Decides what becomes of a WebSocket on which little moves: a ping, an end, or nothing.
 *
 * A socket lives until one side ends it, so the time limits of a request do not hold it. Pings
 * find callers that are gone; a message that began must arrive in the time of a body; a reader
 * that takes nothing is cut as for any reply. While we do not read (too much is under way), a
 * silent caller is not to blame. Pure: a snapshot and a time.
 */
import type { LimitName, Limits } from "../../../base/index.ts";

/** Instants in ms of one clock. */
export interface SocketState {
  /** When a message, a ping or a pong came last. */
  readonly heardAtMs: number;
  /** When bytes first came that have not become a message; `undefined` when there are none. */
  readonly partialSinceMs: number | undefined;
  /** When the reader last took something, or had nothing to take. */
  readonly takenAtMs: number;
  readonly pingedAtMs: number;
  readonly isPaused: boolean;
}

export type SocketRules = Pick<Limits, "socketSilentMsMax" | "bodyReadMsMax" | "replyReadMsMax">;

export type SocketVerdict =
  | { readonly kind: "nothing" }
  | { readonly kind: "ping" }
  | { readonly kind: "end"; readonly limit: LimitName };

const nothing: SocketVerdict = { kind: "nothing" };

/** A caller is asked this often in the time in which it may be silent. */
const pingsPerSilence = 3;

export function watchSocket(state: SocketState, rules: SocketRules, nowMs: number): SocketVerdict {
  if (nowMs - state.takenAtMs > rules.replyReadMsMax) return end("replyReadMsMax");
  if (state.isPaused) return nothing;
  const { partialSinceMs } = state;
  if (partialSinceMs !== undefined && nowMs - partialSinceMs > rules.bodyReadMsMax) {
    return end("bodyReadMsMax");
  }
  const silentMs = nowMs - state.heardAtMs;
  if (silentMs > rules.socketSilentMsMax) return end("socketSilentMsMax");
  const gapMs = rules.socketSilentMsMax / pingsPerSilence;
  const isDue = silentMs >= gapMs && nowMs - state.pingedAtMs >= gapMs;
  return isDue ? { kind: "ping" } : nothing;
}

function end(limit: LimitName): SocketVerdict {
  return { kind: "end", limit };
}
