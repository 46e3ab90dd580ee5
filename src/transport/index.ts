/** Floor 1: what all doors need of connections, HTTP/2 and TLS, and nothing of what they say. */
export { judgePace, judgeReading, type Mark } from "./pace.ts";
export { claimPort, type PortSharing } from "./port-sharing.ts";
export { readInto } from "./read-into.ts";
export { sessionOptions } from "./session-options.ts";
export { Sessions, type SessionsOptions } from "./sessions.ts";
export {
  hookStream,
  type StreamReading,
  type StreamSink,
  startReading,
  takeEarly,
} from "./stream-hooks.ts";
export { takenBytes } from "./taken-bytes.ts";
export { secureOptions, type TlsParts } from "./tls-parts.ts";
export { countResponse, type UnreadLine, UnreadReplies } from "./unread-replies.ts";
