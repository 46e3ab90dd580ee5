/**
 * The streams of this door among all that are open.
 */
import type { Service } from "../../service/index.ts";
import type { MethodCall } from "./method.ts";

/** What of a call is counted. */
export type StreamCall = Pick<MethodCall, "unsentBytes">;

/**
 * Counts `call` among the open streams until the returned function is called. A stop does not wait
 * for it: each message on it is work of its own, and a stream may well stay open for days.
 *
 * @throws OVERLOADED when streamsMax are open
 */
export function enterStream({ streams }: Pick<Service, "streams">, call: StreamCall): () => void {
  const stream = streams.enter();
  stream.isAwaited = false;
  stream.unreadBytes = () => call.unsentBytes;
  return stream.leave;
}
