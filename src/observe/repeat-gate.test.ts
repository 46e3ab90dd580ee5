// Goal: a flood of one kind of line shows a few a second and loses none from its count.
// Method: floods of two codes under a clock of plain numbers.
import { expect, test } from "vitest";
import { RepeatGate } from "./repeat-gate.ts";

test("lets five lines a second of each code through and counts the rest", () => {
  const gate = new RepeatGate();
  const shown: number[] = [];
  let suppressed = 0;
  for (let ms = 0; ms < 3_000; ms += 1) {
    const held = gate.pass("QUEUE_FULL", ms);
    if (held === undefined) continue;
    shown.push(ms);
    suppressed += held;
  }
  expect(shown).toEqual([
    0, 1, 2, 3, 4, 1000, 1001, 1002, 1003, 1004, 2000, 2001, 2002, 2003, 2004,
  ]);
  expect(suppressed).toBe(2 * 995);
  expect(gate.pass("INTERNAL", 2_999)).toBe(0);
  expect(gate.pass("QUEUE_FULL", 3_000)).toBe(995);
});
