/**
 * A caller's word inside a path of a message: cut and escaped, without quotes.
 */
import { quote } from "../../base/index.ts";

/** At most 64 characters of `text`, control characters escaped. */
export function quoteText(text: string): string {
  return quote(text).slice(1, -1);
}
