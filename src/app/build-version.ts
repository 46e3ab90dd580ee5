/**
 * The version of this copy of Millrace, from its package.json; the same file for sources and build.
 */
import { readFileSync } from "node:fs";

/** `0.1.0` */
export function buildVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const content: unknown = JSON.parse(text);
  const hasVersion = typeof content === "object" && content !== null && "version" in content;
  return hasVersion ? String(content.version) : "0.0.0";
}
