/**
 * Starts the load process and gives its report.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { LoadOrder, LoadReport } from "./load-report.ts";

const main = join(import.meta.dirname, "load-main.ts");

export interface RunningLoad {
  readonly report: Promise<LoadReport>;
  /** No new requests; those under way are waited for. */
  stop(): void;
  /** Ends the process; for a test that failed. */
  kill(): void;
}

export function startLoad(order: LoadOrder): RunningLoad {
  const child = spawn(process.execPath, [main, JSON.stringify(order)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += String(chunk);
  });
  child.stdin.on("error", () => {});
  const report = new Promise<LoadReport>((done, fail) => {
    child.once("close", (code) => {
      if (code === 0) done(JSON.parse(text) as LoadReport);
      else fail(new Error(`the load process ended with ${code}`));
    });
  });
  report.catch(() => {});
  return { report, stop: () => child.stdin.write("stop\n"), kill: () => child.kill("SIGKILL") };
}
