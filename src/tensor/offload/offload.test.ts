// Goal: jobs come back whole from another thread, and a thread that dies costs one job.
// Method: a pool over a small entry module of its own, written as a data URL.
import { afterEach, expect, test, vi } from "vitest";
import {
  Cancellation,
  giveBackLarge,
  markSole,
  ServingError,
  takeLarge,
} from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import { createOffload, type Offload, type OffloadLimits } from "./offload.ts";
import { pack, unpack } from "./pack.ts";

const serve = new URL("./serve-offload.ts", import.meta.url).href;
const base = new URL("../../base/index.ts", import.meta.url).href;
const entry = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { threadId } from "node:worker_threads";
    import { serveOffload } from ${JSON.stringify(serve)};
    import { ServingError } from ${JSON.stringify(base)};
    serveOffload({
      echo: (payload) => payload,
      thread: () => threadId,
      kind: (payload) => payload.constructor.name,
      refuse: () => { throw new ServingError("INVALID_INPUT", "x: wrong", { field: "x" }); },
      fault: () => { throw new TypeError("secret"); },
      die: () => process.exit(3),
      spin: (view) => { Atomics.wait(view, 0, 0); return "woke"; },
    });
  `)}`,
);

let open: Offload[] = [];

function pool(own: Partial<OffloadLimits> = {}): Offload {
  const made = createOffload(entry, { threadsMax: 2, jobsMax: 64, idleMsMax: 60_000, ...own });
  open.push(made);
  return made;
}

afterEach(async () => {
  const pools = open;
  open = [];
  await Promise.all(pools.map((each) => each.close()));
});

async function failure(pending: Promise<unknown>): Promise<ServingError> {
  return await pending.then(
    () => expect.unreachable("it was answered"),
    (thrown: unknown) => ServingError.from(thrown),
  );
}

/** A job that holds its thread until `release`. */
function held(offload: Offload): { done: Promise<unknown>; release(): void } {
  const view = new Int32Array(new SharedArrayBuffer(4));
  const done = offload.run({ task: "spin", payload: view });
  return {
    done,
    release() {
      Atomics.store(view, 0, 1);
      Atomics.notify(view, 0);
    },
  };
}

test("a packed value comes out as it went in", () => {
  const wide = new Float64Array([1, 2, 3, 4]);
  const strings = ByteStrings.fromText(["a", "bb", "ccc"]).slice(1, 3);
  const error = new ServingError("LIMIT_EXCEEDED", "too much", { field: "x" });
  const value = {
    number: 5,
    nothing: undefined,
    map: new Map([["a", 1n]]),
    lists: [[1, 2], ["a"], [{ deep: null }]],
    part: wide.subarray(1, 3),
    bytes: Buffer.from("abc"),
    strings,
    error,
  };
  const { value: packed, transfer } = pack(value, () => false);
  const back = unpack(structuredClone(packed, { transfer: [...transfer] })) as typeof value;
  expect(back).toMatchObject({ number: 5, map: value.map, lists: value.lists });
  expect(back.part).toEqual(new Float64Array([2, 3]));
  expect(back.part.buffer.byteLength).toBe(16);
  expect(Buffer.from(back.bytes).toString()).toBe("abc");
  expect(back.strings.toTexts()).toEqual(["bb", "ccc"]);
  expect(back.error).toMatchObject({ code: "LIMIT_EXCEEDED", message: "too much", field: "x" });
  expect(wide.length).toBe(4);
});

test("jobs run in a thread and their buffers are handed over both ways", async () => {
  const offload = pool();
  const bytes = new Uint8Array(1024).fill(7);
  const answer = await offload.run({
    task: "echo",
    payload: { bytes, strings: ByteStrings.fromText(["é"]) },
    given: bytes.buffer,
  });
  expect(bytes.length).toBe(0);
  const { bytes: back, strings } = answer as { bytes: Uint8Array; strings: ByteStrings };
  expect(back).toEqual(new Uint8Array(1024).fill(7));
  expect(strings.toTexts()).toEqual(["é"]);
  expect(await offload.run({ task: "kind", payload: ByteStrings.fromText([]) })).toBe(
    "ByteStrings",
  );
});

test("a large body is handed over with the memory that it does not fill", async () => {
  const offload = pool();
  const shared = takeLarge(100_000).subarray(0, 100_000).fill(5);
  await offload.run({ task: "echo", payload: shared, given: shared.buffer });
  expect(shared.length, "others may have the rest of it").toBe(100_000);
  const body = takeLarge(100_000).subarray(0, 100_000).fill(7);
  const { buffer } = body;
  markSole(buffer);
  const back = await offload.run({ task: "echo", payload: body, given: buffer });
  expect([body.length, buffer.byteLength]).toEqual([0, 0]);
  expect(back).toEqual(new Uint8Array(100_000).fill(7));
  giveBackLarge(body);
  expect(takeLarge(100_000).buffer.byteLength).toBeGreaterThanOrEqual(100_000);
});

test("an error keeps code, message and field; a fault of ours tells nothing", async () => {
  const offload = pool();
  const refused = await failure(offload.run({ task: "refuse", payload: 0 }));
  expect(refused).toMatchObject({ code: "INVALID_INPUT", message: "x: wrong", field: "x" });
  const fault = await failure(offload.run({ task: "fault", payload: 0 }));
  expect(fault.code).toBe("INTERNAL");
  expect(fault.message).not.toContain("secret");
  expect(String((fault.cause as Error).message)).toContain("secret");
});

test("a thread that dies costs the job it had, and the next job starts another", async () => {
  const offload = pool({ threadsMax: 1, jobsMax: 4 });
  const dying = offload.run({ task: "die", payload: 0 });
  const behind = offload.run({ task: "echo", payload: "still here" });
  expect((await failure(dying)).code).toBe("INTERNAL");
  expect(await behind).toBe("still here");
});

test("a full queue refuses, and a caller who left frees the place", async () => {
  const offload = pool({ threadsMax: 1, jobsMax: 1 });
  const first = held(offload);
  const cancellation = new Cancellation();
  const waiting = offload.run({ task: "echo", payload: 1, cancellation });
  expect((await failure(offload.run({ task: "echo", payload: 2 }))).code).toBe("OVERLOADED");
  cancellation.cancel(new ServingError("CANCELLED", "the caller left"));
  expect((await failure(waiting)).code).toBe("CANCELLED");
  const later = offload.run({ task: "echo", payload: 3 });
  first.release();
  expect(await first.done).toBe("woke");
  expect(await later).toBe(3);
  const gone = new Cancellation();
  gone.cancel(new ServingError("CANCELLED", "the caller left"));
  const never = offload.run({ task: "echo", payload: 4, cancellation: gone });
  expect((await failure(never)).code).toBe("CANCELLED");
});

test("a second thread takes what the first is too busy for", async () => {
  const offload = pool({ threadsMax: 2, jobsMax: 4 });
  const first = held(offload);
  expect(await offload.run({ task: "echo", payload: "past it" })).toBe("past it");
  first.release();
  await first.done;
});

test("closing fails what is under way and refuses what comes", async () => {
  const offload = pool({ threadsMax: 1, jobsMax: 4 });
  const running = held(offload);
  const waiting = offload.run({ task: "echo", payload: 1 });
  const failures = Promise.all([failure(running.done), failure(waiting)]);
  await offload.close();
  expect((await failures).map((error) => error.code)).toEqual(["DRAINING", "DRAINING"]);
  expect((await failure(offload.run({ task: "echo", payload: 2 }))).code).toBe("DRAINING");
});

test("a thread without a job is ended, and the next job has a new one", async () => {
  const offload = pool({ threadsMax: 1, idleMsMax: 10 });
  const first = await offload.run({ task: "thread", payload: 0 });
  await vi.waitFor(async () => {
    await new Promise((done) => setTimeout(done, 50));
    expect(await offload.run({ task: "thread", payload: 0 })).not.toBe(first);
  }, 10_000);
  expect(await offload.run({ task: "echo", payload: "still here" })).toBe("still here");
});
