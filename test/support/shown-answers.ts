/**
 * Runs the command lines of documents and compares what they print with what the documents show.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "./built-server.ts";

const run = promisify(execFile);
const msMax = 90_000;

/** Runs a line in a shell at the root of the checkout and gives its stdout. */
export async function shell(line: string): Promise<string> {
  const { stdout } = await run("bash", ["-c", line], {
    cwd: root,
    timeout: msMax,
    env: { ...process.env, NO_COLOR: "1" },
  });
  return stdout;
}

export async function hasCurl(): Promise<boolean> {
  return await run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** True when `text` holds what `pattern` shows; `...` stands for anything. */
export function isAsShown(text: string, pattern: string): boolean {
  let from = 0;
  for (const part of pattern.split("...")) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return true;
}
