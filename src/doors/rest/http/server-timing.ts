/**
 * The `Server-Timing` header of a reply (W3C Server Timing): where the time of the request went.
 *
 * `queue` is the wait from decoded to sent, `inference` the time inside the engine, `encode` the
 * writing of the answer, `total` from arrival to now; all in ms.
 */
import type { StageTimes } from "../../../predict/index.ts";
import { msText } from "./number-text.ts";

/** The header line, ended by CRLF. `encodedAtMs` and the stage times are of one clock. */
export function serverTimingLine(times: StageTimes, encodedAtMs: number): string {
  const decode = msText(times.decodedAtMs - times.arrivedAtMs);
  const total = msText(encodedAtMs - times.arrivedAtMs);
  if (times.sentAtMs === 0) {
    return `server-timing: decode;dur=${decode}, total;dur=${total}\r\n`;
  }
  const queue = msText(times.sentAtMs - times.decodedAtMs);
  const run = msText(times.runMs);
  const encode = msText(encodedAtMs - times.answeredAtMs);
  return (
    `server-timing: decode;dur=${decode}, queue;dur=${queue}, inference;dur=${run}, ` +
    `encode;dur=${encode}, total;dur=${total}\r\n`
  );
}
