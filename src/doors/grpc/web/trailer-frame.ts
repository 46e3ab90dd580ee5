/**
 * The status of a call as the last frame of a body: flag 0x80, a length, and lines of HTTP/1.1.
 */
import { framePrefix } from "../encode.ts";

const trailersFlag = 0x80;

/** @param trailers names in lower case; values in ASCII without line ends */
export function trailerFrame(trailers: Readonly<Record<string, string>>): Buffer {
  let lines = "";
  for (const [name, value] of Object.entries(trailers)) lines += `${name}: ${value}\r\n`;
  const text = Buffer.from(lines, "latin1");
  const prefix = framePrefix(text.length, false);
  prefix[0] = trailersFlag;
  return Buffer.concat([prefix, text]);
}
