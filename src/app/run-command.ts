/**
 * Runs a command and turns what went wrong into words and an exit code.
 */
import { ServingError } from "../base/index.ts";
import { runCli } from "./cli.ts";
import { ConfigError } from "./config/problems.ts";
import { CommandError, exitCodes, say } from "./terminal.ts";

/** Runs the command of `words` (the arguments, without node and script); sets the exit code. */
export async function runCommand(words: readonly string[]): Promise<void> {
  // `millrace inspect | head`: the reader ends first, and that is no fault.
  process.stdout.on("error", () => process.exit(exitCodes.done));
  // A server goes on when the reader of its log is gone.
  process.stderr.on("error", () => {});
  try {
    process.exitCode = await runCli(words);
  } catch (thrown) {
    process.exitCode = explain(thrown);
  }
}

function explain(thrown: unknown): number {
  if (thrown instanceof ConfigError) {
    say(thrown.problems.join("\n"));
    return exitCodes.usage;
  }
  if (thrown instanceof CommandError) {
    say(`error: ${thrown.message}`);
    return thrown.exitCode;
  }
  if (ServingError.is(thrown)) {
    const cause = thrown.code === "INTERNAL" ? `\n${String(thrown.cause)}` : "";
    say(`error: ${thrown.message}${cause}`);
    return exitCodes.failed;
  }
  say(`error: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  return exitCodes.failed;
}
