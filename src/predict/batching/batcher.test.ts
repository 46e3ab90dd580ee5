// Goal: the batcher's promises, one by one, at its edge.
// Method: a fake clock and instances whose runs the test answers by hand.
import { expect, test } from "vitest";
import { rigOf } from "../../../test/support/batcher-rig.ts";

test("sends what arrived in one turn as one batch and answers each with its own rows", async () => {
  const { ask, clock, instance } = rigOf();
  const answers = [ask([1]), ask([2, 3]), ask([4])];
  expect(instance.sent).toEqual([]);
  clock.advance(0);
  expect(instance.sent).toEqual([[1, 2, 3, 4]]);
  await instance.answer();
  expect(await Promise.all(answers)).toEqual([[10], [20, 30], [40]]);
});
