/**
 * Starts one child with as little of us as possible.
 *
 * Named environment keys only, an empty private working directory that is removed when the child
 * ends, no file descriptor but its socket and its two output pipes. The script lies beside this file
 * with the same extension, so a checkout runs `.ts` and a build `.js`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rm, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { workerEnvironment } from "./environment.ts";

export interface SpawnOptions {
  /** Our environment, of which the worker gets the named keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where compiled code is kept between starts; a folder only we can write, or `undefined`. */
  readonly codeCacheFolder: string | undefined;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly socket: Duplex;
  /** The private working directory. */
  readonly folder: string;
}

const script = fileURLToPath(new URL(`../worker/main${extname(import.meta.url)}`, import.meta.url));

/** Starts a worker process. Throws what the system says when it cannot. */
export function spawnWorker(options: SpawnOptions): Spawned {
  const folder = mkdtempSync(join(tmpdir(), "millrace-worker-"));
  const environment = workerEnvironment(options.environment);
  if (options.codeCacheFolder !== undefined) {
    environment["NODE_COMPILE_CACHE"] = options.codeCacheFolder;
  }
  const child = spawn(process.execPath, [script], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  child.once("exit", () => rm(folder, { recursive: true, force: true }, () => {}));
  const socket = child.stdio[3];
  if (!(socket instanceof Duplex)) {
    rmdirSync(folder);
    throw new Error("the system gave the worker no socket");
  }
  return { child, socket, folder };
}
