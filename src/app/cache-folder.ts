/**
 * Where Millrace keeps what it can make again: compiled code, rewritten models, passed trials.
 *
 * A folder of the user's own, not the system's temporary one, because compiled code that others may
 * write is code that others may run.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Absolute path of the cache folder: `setting`, or when that is empty the user's own (XDG). */
export function cacheFolderOf(setting: string): string {
  if (setting !== "") return resolve(setting);
  const base = process.env["XDG_CACHE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "millrace");
}
