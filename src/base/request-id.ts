/**
 * Request ids: the caller's own when it is fit for a log line, else a new one.
 *
 * New ids are a random prefix of this process and a counter, so they are unique without a draw per
 * request.
 */
import { randomBytes } from "node:crypto";

const lengthMax = 128;

/** True for 1 to 128 characters of `A-Z a-z 0-9 . _ -`. */
function isRequestId(text: string): boolean {
  if (text.length === 0 || text.length > lengthMax) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const isDigit = code >= 48 && code <= 57;
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    if (!isDigit && !isLetter && code !== 45 && code !== 46 && code !== 95) return false;
  }
  return true;
}

/** Gives a function from the caller's id (or "") to the id in force. */
export function makeRequestIds(): (given: string) => string {
  const prefix = randomBytes(6).toString("hex");
  let count = 0;
  return (given) => {
    if (given !== "" && isRequestId(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
