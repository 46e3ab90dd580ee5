#!/usr/bin/env node
/**
 * Starts the command on the Node that Millrace needs.
 *
 * Plain JavaScript that Node 20 understands: with an older Node it runs itself again with the binary
 * that was installed beside it, and hands on arguments, streams, signals and the exit code. In a
 * checkout the sources run, else the build.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const majorMin = 24;

/** Large blocks go back to the system when they are freed (docs/adr/0016, glibc alone reads it). */
const memoryVariables = { MALLOC_MMAP_THRESHOLD_: "2097152" };

if (Number(process.versions.node.split(".")[0]) >= majorMin) {
  const source = new URL("../src/app/main.ts", import.meta.url);
  const built = new URL("../dist/app/main.js", import.meta.url);
  await import((existsSync(source) ? source : built).href);
} else {
  runWithBundledNode();
}

function runWithBundledNode() {
  const name = `node-${process.platform}-${process.arch}`;
  let binary;
  try {
    binary = createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch {
    process.stderr.write(
      `millrace needs Node ${majorMin} or newer, this is ${process.versions.node}: ` +
        `install Node ${majorMin} (https://nodejs.org), or on Linux run npm install again\n`,
    );
    process.exit(1);
  }
  const words = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const env = { ...memoryVariables, ...process.env };
  const child = spawn(binary, words, { stdio: "inherit", env });
  child.on("error", (error) => {
    process.stderr.write(`millrace could not start ${name}: ${error.message}\n`);
    process.exit(1);
  });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) {
    process.on(signal, () => {
      // Ctrl-C reaches the child by itself: a second signal would mean "stop now".
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
  });
}
