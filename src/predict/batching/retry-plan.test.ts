// Goal: halving a rejected batch finds exactly the requests at fault, in few runs.
// Method: run the plan on random batches with bad requests in random places.
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitRejected } from "./retry-plan.ts";

/** Runs parts until all are answered; gives what failed and how many runs it took. */
function search(batch: readonly boolean[]): { failed: number[]; runs: number } {
  const failed: number[] = [];
  const parts = [batch.map((isBad, index) => ({ isBad, index }))];
  let runs = 0;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    runs += 1;
    if (!part.some((each) => each.isBad)) continue;
    const [only] = part;
    if (part.length === 1 && only !== undefined) failed.push(only.index);
    else parts.push(...splitRejected(part));
  }
  return { failed: failed.sort((one, other) => one - other), runs };
}

test("finds the bad requests and no others", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 64 }), (batch) => {
      const bad = batch.flatMap((isBad, index) => (isBad ? [index] : []));
      const { failed, runs } = search(batch);
      expect(failed).toEqual(bad);
      expect(runs).toBeLessThanOrEqual(2 * batch.length + 1);
    }),
  );
});

test("finds one bad request among 32 in 11 runs", () => {
  const batch = Array.from({ length: 32 }, (_, index) => index === 17);
  expect(search(batch)).toEqual({ failed: [17], runs: 11 });
});
