/**
 * The thread's side of the offload: takes a job, runs its task, answers, one after the other.
 */
import { parentPort } from "node:worker_threads";
import { ServingError } from "../../base/index.ts";
import type { OffloadReply } from "./offload.ts";
import { pack, unpack } from "./pack.ts";

/** What a thread can do, by name. A task gets its payload with bytes as Uint8Array. */
export type OffloadTasks = Readonly<Record<string, (payload: unknown) => unknown>>;

/** Serves `tasks` until the thread ends. REQUIRES: runs in a thread of `createOffload`. */
export function serveOffload(tasks: OffloadTasks): void {
  const port = parentPort;
  if (port === null) throw new Error("serveOffload runs in a thread of createOffload");
  port.on("message", (job: { readonly task: string; readonly payload: unknown }) => {
    const { value, transfer, isError } = answer(tasks, job);
    const reply: OffloadReply = { isError, value };
    port.postMessage(reply, transfer);
  });
}

function answer(
  tasks: OffloadTasks,
  job: { readonly task: string; readonly payload: unknown },
): { value: unknown; transfer: readonly ArrayBuffer[]; isError: boolean } {
  try {
    const task = tasks[job.task];
    if (task === undefined) throw new Error(`no task ${job.task}`);
    return { ...pack(task(unpack(job.payload)), () => true), isError: false };
  } catch (thrown) {
    return { ...pack(ServingError.from(thrown), () => true), isError: true };
  }
}
