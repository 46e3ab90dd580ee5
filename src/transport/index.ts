/** Floor 1: what all doors need of HTTP/2 and of TLS, and nothing of what they say over it. */
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
export { secureOptions, type TlsParts } from "./tls-parts.ts";
