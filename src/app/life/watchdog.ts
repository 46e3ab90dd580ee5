/**
 * Ends a process whose event loop is stuck, so that whoever watches it can start another.
 *
 * The loop counts up a number in shared memory once a second; a thread looks at it every five, and
 * after 30 s without a change kills the process (a stuck loop runs no handler of ours). This file
 * is both sides: it starts itself as the thread. The thread costs 9 MiB (measured) and no time; it
 * is started after the models are ready, so the first answer does not wait for it.
 */
import { writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const beatMs = 1_000;
const lookMs = 5_000;
const silenceMsMax = 30_000;

interface Post {
  readonly millraceBeats: Int32Array;
}

/** Starts to watch; never keeps the process alive. */
export function startWatchdog(): void {
  const millraceBeats = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(millraceBeats, 0, 1), beatMs).unref();
  const post: Post = { millraceBeats };
  const thread = new Worker(new URL(import.meta.url), {
    workerData: post,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  thread.unref();
}

function isPost(value: unknown): value is Post {
  return typeof value === "object" && value !== null && "millraceBeats" in value;
}

function watch({ millraceBeats }: Post): void {
  let seen = -1;
  let silentMs = 0;
  setInterval(() => {
    const beats = Atomics.load(millraceBeats, 0);
    silentMs = beats === seen ? silentMs + lookMs : 0;
    seen = beats;
    if (silentMs < silenceMsMax) return;
    const message = "the event loop has been stuck for 30 s: the process ends";
    writeSync(2, `${JSON.stringify({ level: "error", message })}\n`);
    process.kill(process.pid, "SIGKILL");
  }, lookMs);
}

if (!isMainThread && isPost(workerData)) watch(workerData);
