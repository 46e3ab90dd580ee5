// Goal: the batcher's promises, one by one, at its edge.
// Method: a fake clock and instances whose runs the test answers by hand.
import { expect, test } from "vitest";
import {
  contextOf,
  HandInstance,
  requestOf,
  rigOf,
  settle,
  signatureOf,
} from "../../../test/support/batcher-rig.ts";
import { Cancellation, ServingError } from "../../base/index.ts";
import { makeTensor } from "../../tensor/index.ts";
import type { BatchFigures } from "../observer.ts";

const notReady = new ServingError("MODEL_NOT_READY", "restarting");

test("sends what arrived in one turn as one batch and answers each with its own rows", async () => {
  const { ask, clock, instance } = rigOf();
  const answers = [ask([1]), ask([2, 3]), ask([4])];
  expect(instance.sent).toEqual([]);
  clock.advance(0);
  expect(instance.sent).toEqual([[1, 2, 3, 4]]);
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10], [20, 30], [40]]);
});

test("makes the next batch of what arrives while the instance is busy", async () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 3 } });
  const answers = [ask([1])];
  clock.advance(0);
  answers.push(ask([2]), ask([3, 4]), ask([5]));
  clock.advance(0);
  expect(instance.sent).toEqual([[1]]);
  await instance.answer();
  expect(instance.sent).toEqual([[1], [2, 3, 4]]);
  await instance.answer();
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10], [20], [30, 40], [50]]);
});

test("answers all requests of a batch in one turn, after the next batch was sent", async () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 2 } });
  const seen: string[] = [];
  for (const row of [1, 2, 3])
    void ask([row]).then(() => seen.push(`${row} of ${instance.all.length}`));
  clock.advance(0);
  await instance.answer();
  expect(seen).toEqual(["1 of 2", "2 of 2"]);
});

test("gives work to the idle instance, and sends ahead only a full batch", () => {
  const instances = [new HandInstance(2), new HandInstance(2)] as const;
  const { ask, clock } = rigOf({ instances, rules: { itemsMax: 2 } });
  for (const row of [1, 2, 3]) {
    void ask([row]);
    clock.advance(0);
  }
  expect(instances.map((each) => each.sent)).toEqual([[[1]], [[2]]]);
  void ask([4]);
  clock.advance(0);
  expect(instances.map((each) => each.sent)).toEqual([[[1], [3, 4]], [[2]]]);
});

test("waits for the delay, counted from the oldest, and not once the batch is full", () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 3, delayMsMax: 10 } });
  void ask([1]);
  clock.advance(6);
  void ask([2]);
  clock.advance(3);
  expect(instance.sent).toEqual([]);
  clock.advance(1);
  expect(instance.sent).toEqual([[1, 2]]);
});

test("does not wait for the delay once the batch is full", () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 3, delayMsMax: 10 } });
  void ask([1]);
  void ask([2, 3]);
  clock.advance(0);
  expect(instance.sent).toEqual([[1, 2, 3]]);
});

test("runs a large request in slices that share its memory, and joins the answers", async () => {
  const { askWhole, ask, clock, instance } = rigOf({ rules: { itemsMax: 3 } });
  const large = requestOf([1, 2, 3, 4, 5, 6, 7]);
  const answer = askWhole(large);
  const small = ask([8]);
  clock.advance(0);
  await instance.answer();
  await instance.answer();
  await instance.answer();
  expect(instance.sent).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8],
  ]);
  expect(await answer).toEqual([10, 20, 30, 40, 50, 60, 70]);
  expect(await small).toEqual([80]);
  const slice = instance.all[1]?.batch.parts[0]?.inputs[0]?.elements as Float32Array | undefined;
  const given = large.inputs[0]?.elements as Float32Array | undefined;
  expect(slice?.buffer).toBe(given?.buffer);
});

test("cuts slices up to sliceItemsMax once it is known what an item costs", async () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 2, sliceItemsMax: 4 } });
  const first = ask([0]);
  clock.advance(0);
  await instance.answer();
  expect(await first).toEqual([0]);
  const answers = [ask([1, 2, 3, 4, 5]), ask([6, 7, 8]), ask([9])];
  clock.advance(0);
  for (let run = 0; run < 3; run += 1) await instance.answer();
  expect(instance.sent.slice(1)).toEqual([[1, 2, 3, 4], [5], [6, 7, 8], [9]]);
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10, 20, 30, 40, 50], [60, 70, 80], [90]]);
});

test("fills a fixed batch up with copies of the last item and cuts the answer", async () => {
  const { ask, clock, instance } = rigOf({ layout: { kind: "fixed", items: 4 } });
  const answers = [ask([1, 2]), ask([3]), ask([4, 5])];
  clock.advance(0);
  expect(instance.sent).toEqual([[1, 2, 3, 3]]);
  await instance.answer();
  expect(instance.sent[1]).toEqual([4, 5, 5, 5]);
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10, 20], [30], [40, 50]]);
});

test("runs each request alone and whole when the model cannot be batched", async () => {
  const layout = { kind: "none", reason: "the first dimension is time" } as const;
  const { askWhole, clock, instance } = rigOf({ layout, rules: { itemsMax: 2, delayMsMax: 10 } });
  const answers = [askWhole({ ...requestOf([1, 2, 3]), items: 1 }), askWhole(requestOf([4]))];
  clock.advance(0);
  await instance.answer();
  expect(instance.sent).toEqual([[1, 2, 3], [4]]);
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10, 20, 30], [40]]);
});

test("never mixes shapes, wanted outputs or parameters", () => {
  const { askWhole, clock, instance } = rigOf({
    signature: signatureOf({ kind: "dynamic" }, -1),
    instances: [new HandInstance(8)],
  });
  const wide = makeTensor("FP32", [1, 2], Float32Array.of(7, 7));
  void askWhole(requestOf([1]));
  void askWhole({ ...requestOf([2]), inputs: [wide] });
  void askWhole({ ...requestOf([3]), outputs: [0] });
  void askWhole({ ...requestOf([4]), parameters: new Map([["p", 1]]) });
  void askWhole(requestOf([5]));
  clock.advance(0);
  expect(instance.sent).toEqual([[1, 5]]);
});

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

test("answers a deadline within 20 ms while the instance is busy, and never runs the request", async () => {
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

test("answers at the deadline a request whose run is under way, and drops its late result", async () => {
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

test("runs urgent requests first and keeps the order within a class", async () => {
  const { ask, clock, instance } = rigOf({ rules: { itemsMax: 2 } });
  void ask([0]);
  clock.advance(0);
  for (const [row, priority] of [
    [1, 0],
    [2, 3],
    [3, 1],
    [4, 2],
    [5, 1],
  ] as const) {
    void ask([row], { priority });
  }
  for (let run = 0; run < 4; run += 1) await instance.answer();
  expect(instance.sent).toEqual([[0], [3, 5], [1, 4], [2]]);
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
  const answers = [ask([1]), ask([2])];
  clock.advance(0);
  await instance.answer(outputs);
  const code = "MODEL_OUTPUT_INVALID";
  expect(await Promise.all(answers)).toEqual([code, code]);
});

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

test("keeps requests waiting while the instance restarts and sends them when it is back", async () => {
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

test("notes when a request was sent and answered, and tells the figures of the batch", async () => {
  const figures: BatchFigures[] = [];
  const { askWhole, clock, instance } = rigOf({ observer: { batchDone: (f) => figures.push(f) } });
  const context = contextOf();
  void askWhole(requestOf([1, 2]), context);
  void askWhole(requestOf([3]));
  clock.advance(2);
  clock.advance(5);
  await instance.answer();
  await settle();
  expect(context.times).toMatchObject({ sentAtMs: 0, answeredAtMs: 7, runMs: 1, batchItems: 3 });
  expect(figures).toEqual([
    { items: 3, requests: 2, runMs: 1, roundTripMs: 7, queueMsMax: 0, isSuccess: true },
  ]);
});
