// Goal: every way in which a request ends other than by its answer.
// Method: a fake clock and instances whose runs the test answers or fails by hand.
import { expect, test } from "vitest";
import { contextOf, HandInstance, requestOf, rigOf } from "../../../test/support/batcher-rig.ts";
import { Cancellation, defaultLimits, ServingError } from "../../base/index.ts";
import { makeTensor } from "../../tensor/index.ts";

const notReady = new ServingError("MODEL_NOT_READY", "restarting");

test("refuses at once what would pass a queue limit, and counts the hit", async () => {
  const hits: string[] = [];
  const { ask, clock, instance } = rigOf({
    limits: { queueItemsMax: 3 },
    observer: { limitHit: (name) => hits.push(name) },
  });
  const first = ask([1]);
  clock.advance(0);
  const waiting = [ask([2, 3]), ask([4])];
  expect(await ask([5])).toBe("QUEUE_FULL");
  expect(hits).toEqual(["queueItemsMax"]);
  await instance.answer();
  await instance.answer();
  expect(await Promise.all([first, ...waiting])).toEqual([[10], [20, 30], [40]]);
});

test("lets 64 callers with the largest requests wait by default", async () => {
  const { ask, batcher } = rigOf();
  const rows = new Array<number>(defaultLimits.requestItemsMax).fill(1);
  const answers = Array.from({ length: 64 }, () => ask(rows));
  batcher.close("DRAINING");
  expect(new Set(await Promise.all(answers))).toEqual(new Set(["DRAINING"]));
});

test("counts the bytes that wait", async () => {
  const { ask } = rigOf({ limits: { queueBytesMax: 8 } });
  void ask([1]);
  void ask([2]);
  expect(await ask([3])).toBe("QUEUE_FULL");
});

test("refuses a deadline that has passed, and a caller who has left", async () => {
  const { ask, instance, clock } = rigOf();
  clock.advance(5);
  expect(await ask([1], { deadlineAtMs: 5 })).toBe("DEADLINE_EXCEEDED");
  const cancellation = new Cancellation();
  cancellation.cancel(new ServingError("CANCELLED", "left"));
  expect(await ask([1], { cancellation })).toBe("CANCELLED");
  clock.advance(5);
  expect(instance.sent).toEqual([]);
});

test("answers a deadline while the instance is busy, and never runs the request", async () => {
  const ended: unknown[] = [];
  const { ask, clock, instance } = rigOf({
    observer: { endedEarly: (...given) => ended.push(given) },
  });
  const first = ask([1]);
  clock.advance(0);
  const second = ask([2], { deadlineAtMs: 30 });
  clock.advance(50);
  expect(await second).toBe("DEADLINE_EXCEEDED");
  await instance.answer();
  expect(instance.sent).toEqual([[1]]);
  expect(await first).toEqual([10]);
  expect(ended).toEqual([["expired", 1, false]]);
});

test("answers at the deadline a request that is under way, and drops its late result", async () => {
  const { ask, clock, instance } = rigOf();
  const answers = [ask([1], { deadlineAtMs: 30 }), ask([2])];
  clock.advance(50);
  expect(await answers[0]).toBe("DEADLINE_EXCEEDED");
  await instance.answer();
  expect(await answers[1]).toEqual([20]);
});

test("keeps one timer for equal deadlines", () => {
  const { ask, clock } = rigOf();
  for (let row = 0; row < 100; row += 1) void ask([row], { deadlineAtMs: 1_000 });
  clock.advance(0);
  expect(clock.pendingCount).toBe(1);
});

test("survives a deadline further away than a timer can count", () => {
  const { ask, clock } = rigOf();
  void ask([1], { deadlineAtMs: 2 ** 40 });
  expect(clock.nextAtMs).toBe(0);
  clock.advance(0);
  expect(clock.nextAtMs).toBeLessThan(2 ** 31);
});

test("lets a caller go at once, frees the place and never runs the request", async () => {
  let gauge = [0, 0];
  const { ask, clock, instance } = rigOf({
    limits: { queueItemsMax: 2 },
    observer: {
      queueChanged: (items, bytes) => {
        gauge = [items, bytes];
      },
    },
  });
  const first = ask([1]);
  clock.advance(0);
  const cancellation = new Cancellation();
  const second = ask([2, 3], { cancellation });
  expect(await ask([4])).toBe("QUEUE_FULL");
  cancellation.cancel(new ServingError("CANCELLED", "left"));
  expect(await second).toBe("CANCELLED");
  expect(gauge).toEqual([0, 0]);
  const third = ask([4]);
  clock.advance(0);
  expect(gauge).toEqual([1, 4]);
  await instance.answer();
  expect(instance.sent).toEqual([[1], [4]]);
  await instance.answer();
  expect(await Promise.all([first, third])).toEqual([[10], [40]]);
});

test("fails only the bad request of a batch", async () => {
  const retried: number[] = [];
  const { ask, clock, instance } = rigOf({ observer: { batchRetried: (n) => retried.push(n) } });
  const answers = [1, 2, 3, 4, 5, 6].map((row) => ask([row]));
  clock.advance(0);
  const rejected = new ServingError("INPUT_REJECTED_BY_MODEL", "the engine refused the input");
  while (instance.open.length > 0) {
    const isBad = instance.open[0]?.rows.includes(3);
    await (isBad ? instance.fail(rejected) : instance.answer());
  }
  const code = "INPUT_REJECTED_BY_MODEL";
  expect(await Promise.all(answers)).toEqual([[10], [20], code, [40], [50], [60]]);
  expect(retried).toEqual([6, 3]);
});

test.each([
  ["another dtype", [makeTensor("FP64", [2, 1], new Float64Array(2))]],
  ["an item too few", [makeTensor("FP32", [1, 1], new Float32Array(1))]],
  ["an item too many", [makeTensor("FP32", [3, 1], new Float32Array(3))]],
  ["a scalar", [makeTensor("FP32", [], new Float32Array(1))]],
  ["elements that do not fill the shape", [makeTensor("FP32", [2, 2], new Float32Array(2))]],
  ["no output", []],
])("refuses an answer with %s", async (_, outputs) => {
  const { ask, clock, instance } = rigOf();
  const answer = ask([1, 2]);
  clock.advance(0);
  await instance.answer(outputs);
  expect(await answer).toBe("MODEL_OUTPUT_INVALID");
});

test.each(["MODEL_OUTPUT_INVALID", "MEMORY_EXHAUSTED"] as const)(
  "fails only the one request for which a batch ended with %s",
  async (code) => {
    const { ask, clock, instance } = rigOf();
    const answers = [ask([1]), ask([13]), ask([3])];
    clock.advance(0);
    for (let run = instance.open[0]; run !== undefined; run = instance.open[0]) {
      if (!run.rows.includes(13)) await instance.answer();
      else if (code === "MODEL_OUTPUT_INVALID") await instance.answer([]);
      else await instance.fail(new ServingError(code, "there is not enough memory"));
    }
    expect(await Promise.all(answers)).toEqual([[10], code, [30]]);
    expect(instance.sent).toEqual([[1, 13, 3], [1], [13], [3]]);
  },
);

test("lets an output have another shape than declared, if the items are right", async () => {
  const { ask, clock, instance } = rigOf();
  const answers = [ask([1]), ask([2])];
  clock.advance(0);
  await instance.answer([makeTensor("FP32", [2, 2, 1], Float32Array.of(1, 2, 3, 4))]);
  expect(await Promise.all(answers)).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test("keeps requests while the instance restarts and sends them when it is back", async () => {
  const { ask, clock, instance } = rigOf();
  instance.setReady(false);
  const answers = [ask([1]), ask([2], { deadlineAtMs: 40 })];
  clock.advance(100);
  expect(await answers[1]).toBe("DEADLINE_EXCEEDED");
  instance.setReady(true);
  clock.advance(0);
  await instance.answer();
  expect(await answers[0]).toEqual([10]);
});

test("puts back once what a restarting instance would not take", async () => {
  const { ask, clock, instance } = rigOf();
  const answers = [ask([1]), ask([2])];
  clock.advance(0);
  await instance.fail(notReady);
  expect(instance.sent).toEqual([
    [1, 2],
    [1, 2],
  ]);
  await instance.fail(notReady);
  expect(await Promise.all(answers)).toEqual(["MODEL_NOT_READY", "MODEL_NOT_READY"]);
});

test("fails the batch with INTERNAL when an instance throws something of its own", async () => {
  const { ask, clock, instance } = rigOf();
  instance.run = () => {
    throw new TypeError("a fault");
  };
  const answer = ask([1]);
  clock.advance(0);
  expect(await answer).toBe("INTERNAL");
});

test("drains when nothing waits and nothing is under way", async () => {
  const { ask, batcher, clock, instance } = rigOf({ rules: { itemsMax: 1 } });
  await batcher.drain();
  void ask([1]);
  void ask([2]);
  let isDrained = false;
  const drained = batcher.drain().then(() => {
    isDrained = true;
  });
  clock.advance(0);
  await instance.answer();
  expect(isDrained).toBe(false);
  await instance.answer();
  await drained;
});

test("answers the rest with the given code when closed, and everything later", async () => {
  const { ask, batcher, clock, instance } = rigOf({ rules: { itemsMax: 1 } });
  const answers = [ask([1]), ask([2])];
  clock.advance(0);
  batcher.close("DRAINING");
  batcher.close("MODEL_NOT_READY");
  answers.push(ask([3]));
  expect(await Promise.all(answers)).toEqual(["DRAINING", "DRAINING", "DRAINING"]);
  const drained = batcher.drain();
  await instance.answer();
  await drained;
  clock.advance(0);
  expect(instance.sent).toEqual([[1]]);
});

test("refuses while the next start of the only instance is seconds away", async () => {
  const hits: string[] = [];
  const { batcher, ask, clock, instance } = rigOf({
    observer: { limitHit: (name) => hits.push(name) },
  });
  instance.setReady(false);
  const waiting = ask([1]);
  clock.advance(0);
  instance.setReady(false, 1_001);
  clock.advance(0);
  expect(await waiting).toBe("MODEL_NOT_READY");
  await expect(batcher.predict(requestOf([2]), contextOf())).rejects.toMatchObject({
    code: "MODEL_NOT_READY",
    retryAfterS: 2,
  });
  expect(hits).toEqual(["workerBackoffMsMax", "workerBackoffMsMax"]);
});

test("waits for a start that comes soon and before the deadline", async () => {
  const { ask, clock, instance } = rigOf();
  instance.setReady(false, 500);
  expect(await ask([1], { deadlineAtMs: 500 })).toBe("MODEL_NOT_READY");
  const answer = ask([2], { deadlineAtMs: 5_000 });
  clock.advance(500);
  instance.setReady(true);
  clock.advance(0);
  await instance.answer();
  expect(await answer).toEqual([20]);
});

test("waits for the instance that is there, whatever the others do", async () => {
  const instances = [new HandInstance(), new HandInstance()];
  const { ask, clock } = rigOf({ instances });
  instances[0]?.setReady(false, 30_000);
  const answer = ask([1]);
  clock.advance(0);
  await instances[1]?.answer();
  expect(await answer).toEqual([10]);
});
