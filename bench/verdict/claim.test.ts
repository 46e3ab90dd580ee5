// Goal: a figure is never called better, worse or equal where the rounds do not say so.
// Method: rounds written by hand, one for each way to judge, and ratios of random rounds.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rounds, Sample } from "../sample.ts";
import { type Claim, judge } from "./claim.ts";

const atLeast: Claim = {
  key: "rate",
  title: "requests/s",
  metric: "perSecond",
  of: "ours",
  to: "theirs",
  as: "ratio",
  goal: { atLeast: 1.25 },
};

function rates(ours: readonly number[], theirs: readonly number[], share = 0.3): Rounds {
  const samples = (values: readonly number[]): Sample[] =>
    values.map((perSecond) => ({ perSecond, generatorShare: share }));
  return new Map([
    ["ours", samples(ours)],
    ["theirs", samples(theirs)],
  ]);
}

test("takes the median of the ratios within the rounds, not the ratio of the medians", () => {
  const verdict = judge(atLeast, rates([130, 280, 390], [100, 200, 300]));
  expect(verdict.values).toEqual([1.3, 1.4, 1.3]);
  expect(verdict).toMatchObject({ state: "pass", undecided: [] });
  expect(verdict.spread).toEqual({ median: 1.3, min: 1.3, max: 1.4 });
});

test("fails a side that was slowed down", () => {
  const verdict = judge(atLeast, rates([110, 112, 109], [100, 100, 100]));
  expect(verdict).toMatchObject({ state: "fail", undecided: [] });
});

test("is undecided when the goal or no difference at all lies in the spread", () => {
  const goal = judge(atLeast, rates([120, 130, 131], [100, 100, 100]));
  expect(goal).toMatchObject({ state: "pass", undecided: ["the goal lies in the spread"] });
  const even = judge({ ...atLeast, goal: { atLeast: 0.5 } }, rates([90, 110], [100, 100]));
  expect(even).toMatchObject({ state: "pass", undecided: ["1.0 lies in the spread"] });
});

test("is void when the generator of either side had more than 85 % of a core", () => {
  expect(judge(atLeast, rates([200], [100], 0.85)).state).toBe("pass");
  expect(judge(atLeast, rates([200], [100], 0.86)).state).toBe("void");
});

test("says that a skipped side was not measured", () => {
  const verdict = judge({ ...atLeast, to: "absent" }, rates([1], [1]));
  expect(verdict).toMatchObject({ state: "not measured", spread: undefined });
});

test("judges a goal for every round by the worst one", () => {
  const claim: Claim = {
    ...atLeast,
    metric: "p99Us",
    as: "value",
    goal: { atMost: 40 },
    isForEveryRound: true,
  };
  const rounds = (values: number[]): Rounds =>
    new Map([["ours", values.map((p99Us) => ({ p99Us }))]]);
  expect(judge(claim, rounds([1, 2, 41])).state).toBe("fail");
  expect(judge(claim, rounds([1, 2, 40])).state).toBe("pass");
  expect(judge({ ...claim, isForEveryRound: false }, rounds([1, 2, 41])).state).toBe("pass");
});

test("takes a difference in the metric's own unit", () => {
  const claim: Claim = { ...atLeast, metric: "p50Us", as: "difference", goal: { atMost: 100 } };
  const rounds: Rounds = new Map([
    ["ours", [{ p50Us: 180 }, { p50Us: 190 }]],
    ["theirs", [{ p50Us: 100 }, { p50Us: 100 }]],
  ]);
  expect(judge(claim, rounds)).toMatchObject({ values: [80, 90], state: "pass", undecided: [] });
});

test("never passes a side that is below the goal in every round", () => {
  const rate = fc.integer({ min: 1, max: 1_000_000 });
  const low = fc.tuple(rate, fc.double({ min: 0.01, max: 1.24, noNaN: true }));
  fc.assert(
    fc.property(fc.array(low, { minLength: 1, maxLength: 9 }), (pairs) => {
      const theirs = pairs.map(([base]) => base);
      const ours = pairs.map(([base, ratio]) => base * ratio);
      expect(judge(atLeast, rates(ours, theirs)).state).toBe("fail");
    }),
  );
});
