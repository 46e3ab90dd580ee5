// Goal: a lost ratio is called lost, a kept one is not. Method: both sides of nine tenths.
import { expect, test } from "vitest";
import { againstBaseline, recordInto } from "./baseline.ts";
import type { Claim, Verdict } from "./claim.ts";

const claim: Claim = {
  key: "rate",
  title: "requests/s",
  metric: "perSecond",
  of: "ours",
  to: "theirs",
  as: "ratio",
  goal: { atLeast: 1 },
};

function verdictOf(median: number, changes: Partial<Verdict> = {}): Verdict {
  const spread = { median, min: median, max: median };
  return { claim, state: "pass", spread, values: [median], undecided: [], ...changes };
}

test("a ratio is lost below nine tenths of the recorded one", () => {
  const baseline = { "row/rate": 2 };
  expect(againstBaseline(baseline, "row", verdictOf(1.8))?.isRegressed).toBe(false);
  expect(againstBaseline(baseline, "row", verdictOf(1.79))?.isRegressed).toBe(true);
});

test("a cost is lost when it rose as much", () => {
  const cost = { claim: { ...claim, goal: { atMost: 1 } } };
  const baseline = { "row/rate": 0.9 };
  expect(againstBaseline(baseline, "row", verdictOf(0.99, cost))?.isRegressed).toBe(false);
  expect(againstBaseline(baseline, "row", verdictOf(1.01, cost))?.isRegressed).toBe(true);
});

test("only ratios that count are recorded, and others stay as they were", () => {
  const verdicts = [
    verdictOf(1.23456),
    verdictOf(9, { state: "void", claim: { ...claim, key: "void" } }),
    verdictOf(9, { claim: { ...claim, key: "value", as: "value" } }),
  ];
  const recorded = recordInto({ "start/seen": 1, "row/rate": 5 }, "row", verdicts);
  expect(recorded).toEqual({ "row/rate": 1.235, "start/seen": 1 });
  expect(Object.keys(recorded)).toEqual(["row/rate", "start/seen"]);
});
