/**
 * A call as the server sees it, whatever carries it: what it books, watches, refuses and ends.
 */
import type { Method } from "../method.ts";
import type { Work } from "./work.ts";

export interface OpenCall {
  readonly work: Work;
  /** True once a status was sent, or nobody is there to read one. */
  readonly isEnded: boolean;
  /** True while it is a stream that somebody may still use. */
  readonly isOpenStream: boolean;
  /** True while a unary call has no whole request, so nothing else keeps its time. */
  readonly isIncomplete: boolean;
  /** Bytes that were written and not taken by the connection yet. */
  readonly unsentBytes: number;
  /** The connection that carries it: the same thing for all its calls. */
  readonly line: object;
  /** Starts to read. Throws what the method or the headers are refused with. */
  open(method: Method): void;
  /** Ends it with an error. */
  fail(thrown: unknown): void;
  /** Its time is over; what is under way is cancelled. */
  expire(): void;
  /** True when something of its reply waits and its reader took nothing of it for `msMax`. */
  isUnread(nowMs: number, msMax: number): boolean;
  /** Ends it at once, and lets go what waits. */
  cut(): void;
  /** Looks after a call whose status was written and whose caller may still send. */
  tidyUp(nowMs: number): void;
}
