/**
 * How the origins of pages are written in a setting.
 *
 * A text with spaces between and no list, because a flag or a variable cuts lists at the `:` that
 * every origin holds.
 */
import { z } from "zod";

/** `*`, or a scheme, a host and perhaps a port: what a browser sends as Origin. */
function isOrigin(text: string): boolean {
  if (text === "*") return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

/** A setting of origins; none by default. */
export const originsSchema = z
  .string()
  .max(8_192)
  .refine((text) => originsOf(text).every(isOrigin), {
    error: "expected origins like https://app.example or http://localhost:3000, or *",
  })
  .default("");

/** The origins in a text of such a setting. */
export function originsOf(text: string): string[] {
  return text.split(" ").filter((origin) => origin !== "");
}
