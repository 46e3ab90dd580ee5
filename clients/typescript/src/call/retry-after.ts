/**
 * Reads `retry-after`: whole seconds, or an HTTP date (RFC 9110, 10.2.3).
 */

/** A wait that is longer than a day is no advice to a caller, ms. */
const waitMsMax = 86_400_000;

/**
 * @param wallMs Unix time, ms
 * @returns ms from now, 0 to a day; `undefined` when it says nothing
 */
export function readRetryAfterMs(text: string | null, wallMs: number): number | undefined {
  if (text === null || text.trim() === "") return undefined;
  const seconds = Number(text);
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - wallMs : seconds * 1000;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(0, waitMs), waitMsMax);
}
