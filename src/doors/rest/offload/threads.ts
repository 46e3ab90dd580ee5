/**
 * The parsing threads of the REST door: one pool for all dialects, and what may be asked of it.
 */
import {
  createOffload,
  type Offload,
  type OipLimits,
  type OipReply,
  type OipRequest,
} from "../../../tensor/index.ts";
import type { Call } from "../call.ts";

/** The thread's module, which is `.ts` in a checkout and `.js` in a build. */
const entry = new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url);

/** JSON elements above which a reply is written in a thread (4 ms at 5 million a second). */
const inlineElementsMax = 20_000;

/** True when a reply of so many elements is too large to be written on the loop. */
export function isLargeReply(elements: number): boolean {
  return elements > inlineElementsMax;
}

/** A pool for one door; no thread starts before the first job. */
export function createThreads(): Offload {
  return createOffload(entry);
}

/**
 * Reads the JSON part of an inference request in a thread. A body that is all JSON is handed over
 * and empty afterwards.
 */
export async function readOipApart(
  threads: Offload,
  call: Call,
  job: { readonly bytes: Buffer; readonly limits: OipLimits },
): Promise<OipRequest> {
  const { bytes, limits } = job;
  const { jsonDepthMax, inputsMax, outputsMax, rankMax, elementsMax } = limits;
  const { stringElementBytesMax } = limits;
  const given = bytes.length === call.body.length ? bytes.buffer : undefined;
  const request = await threads.run({
    task: "readOip",
    payload: {
      bytes,
      limits: {
        jsonDepthMax,
        inputsMax,
        outputsMax,
        rankMax,
        elementsMax,
        stringElementBytesMax,
      },
    },
    cancellation: call.cancellation,
    ...(given === undefined ? {} : { given }),
  });
  return request as OipRequest;
}

/** Writes an inference reply in a thread: its JSON as UTF-8 and its binary parts. */
export async function writeOipApart(
  threads: Offload,
  call: Call,
  reply: OipReply,
): Promise<{ readonly text: Uint8Array; readonly parts: readonly Uint8Array[] }> {
  const written = await threads.run({
    task: "writeOip",
    payload: reply,
    cancellation: call.cancellation,
  });
  return written as { text: Uint8Array; parts: Uint8Array[] };
}
