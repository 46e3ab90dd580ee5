/**
 * Which origins an operator named, and which header names may be sent back as they came.
 *
 * Each door that browsers call answers by these (CORS, the Fetch standard).
 */

export interface CorsSettings {
  /** `https://app.example` each, or `*` for any; empty turns it off. */
  readonly origins: readonly string[];
  /** How long a browser may remember a preflight, s. */
  readonly maxAgeS: number;
}

/** Stands for every origin. */
export const anyOrigin = "*";

/** Characters of a list of header names at most. */
const namesMax = 1_024;

/** True when the operator named `origin`, which a browser writes in lower case. */
export function isOriginNamed(origin: string, named: readonly string[]): boolean {
  return named.includes(anyOrigin) || named.includes(origin);
}

/** True for header names with commas between them, which may go into a reply as they came. */
export function areHeaderNames(text: string): boolean {
  if (text.length === 0 || text.length > namesMax) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isLetter && !isDigit && !"-_, ".includes(text[index] ?? "")) return false;
  }
  return true;
}
