// Goal: what goes together, when it goes, and how answers find their requests.
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
import { makeTensor } from "../../tensor/index.ts";
import type { BatchFigures } from "../observer.ts";

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
