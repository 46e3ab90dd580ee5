// Goal: the plan is greedy, keeps the delay, and lets no one starve.
// Method: a table of snapshots, then random ones against the rules of the plan.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BatchSnapshot, type LaneView, planBatch, type SlotView } from "./plan-batch.ts";

const greedy = { itemsMax: 8, delayMsMax: 0 };
const slot = {
  isReady: true,
  inFlight: 0,
  runsMax: 1,
  isExclusive: false,
  aheadUntilMs: Number.POSITIVE_INFINITY,
};
const lane = { items: 3, isAlone: false, rank: 2, order: 5, oldestAtMs: 100 };
type Snapshot = BatchSnapshot<LaneView, SlotView>;
const calm: Snapshot = { slots: [slot], lanes: [lane], suspect: undefined, retries: 0 };

test("sends what waits as soon as an instance is idle", () => {
  expect(planBatch(calm, greedy, 100)).toEqual({ kind: "send", from: lane, slot });
});

test("does nothing without work, without a ready instance, or when all are busy", () => {
  const busy = { ...slot, inFlight: 1 };
  const nothing = { kind: "nothing" };
  expect(planBatch({ ...calm, lanes: [] }, greedy, 100)).toEqual(nothing);
  expect(planBatch({ ...calm, slots: [{ ...slot, isReady: false }] }, greedy, 100)).toEqual(
    nothing,
  );
  expect(planBatch({ ...calm, slots: [busy] }, greedy, 100)).toEqual(nothing);
  const held = { ...slot, runsMax: 2, inFlight: 1, isExclusive: true };
  expect(
    planBatch({ ...calm, slots: [held], lanes: [{ ...lane, items: 8 }] }, greedy, 100),
  ).toEqual(nothing);
});

test("gives work to the idle instance and sends ahead only what is full", () => {
  const busy = { ...slot, runsMax: 2, inFlight: 1 };
  const idle = { ...slot, runsMax: 2 };
  expect(planBatch({ ...calm, slots: [busy, idle] }, greedy, 100)).toEqual({
    kind: "send",
    from: lane,
    slot: idle,
  });
  expect(planBatch({ ...calm, slots: [busy] }, greedy, 100)).toEqual({ kind: "nothing" });
  const full = { ...lane, items: 8, order: 9 };
  expect(planBatch({ ...calm, slots: [busy], lanes: [lane, full] }, greedy, 100)).toEqual({
    kind: "send",
    from: full,
    slot: busy,
  });
});

test("sends ahead, and at once, what shares its run with no other", () => {
  const busy = { ...slot, runsMax: 2, inFlight: 1 };
  const alone = { ...lane, items: 1, isAlone: true };
  const snapshot = { ...calm, slots: [busy], lanes: [alone] };
  const sent = { kind: "send", from: alone, slot: busy };
  expect(planBatch(snapshot, greedy, 100)).toEqual(sent);
  expect(planBatch(snapshot, { itemsMax: 8, delayMsMax: 50 }, 100)).toEqual(sent);
});

test("sends nothing ahead behind a run that takes long", () => {
  const busy = { ...slot, runsMax: 2, inFlight: 1, aheadUntilMs: 120 };
  const snapshot = { ...calm, slots: [busy], lanes: [{ ...lane, items: 8 }] };
  expect(planBatch(snapshot, greedy, 119)).toMatchObject({ kind: "send", slot: busy });
  expect(planBatch(snapshot, greedy, 120)).toEqual({ kind: "nothing" });
  const idle = { ...busy, inFlight: 0 };
  expect(planBatch({ ...snapshot, slots: [idle] }, greedy, 120)).toMatchObject({ kind: "send" });
});

test("waits for company until the oldest has waited the delay, or the batch is full", () => {
  const rules = { itemsMax: 8, delayMsMax: 5 };
  expect(planBatch(calm, rules, 104)).toEqual({ kind: "wait", untilMs: 105 });
  expect(planBatch(calm, rules, 105)).toEqual({ kind: "send", from: lane, slot });
  const full = { ...lane, items: 8, order: 9 };
  expect(planBatch({ ...calm, lanes: [lane, full] }, rules, 104)).toEqual({
    kind: "send",
    from: full,
    slot,
  });
});

test("takes the most urgent lane, then the one whose first request is oldest", () => {
  const older = { ...lane, order: 4 };
  const urgent = { ...lane, rank: 1, order: 9 };
  expect(planBatch({ ...calm, lanes: [lane, older] }, greedy, 100)).toMatchObject({ from: older });
  expect(planBatch({ ...calm, lanes: [older, urgent] }, greedy, 100)).toMatchObject({
    from: urgent,
  });
});

test("runs parts of rejected batches first, on an idle instance, and holds the rest", () => {
  expect(planBatch({ ...calm, retries: 1 }, greedy, 100)).toEqual({
    kind: "send",
    from: "retries",
    slot,
  });
  const busy = { ...slot, runsMax: 2, inFlight: 1 };
  const full = { ...lane, items: 8 };
  expect(planBatch({ ...calm, slots: [busy], lanes: [full], retries: 1 }, greedy, 100)).toEqual({
    kind: "nothing",
  });
});

test("lets a suspect that is the oldest wait for an idle instance and nobody overtake it", () => {
  const suspect = { rank: 2, order: 1 };
  expect(planBatch({ ...calm, suspect }, greedy, 100)).toEqual({
    kind: "send",
    from: "suspects",
    slot,
  });
  const busy = { ...slot, runsMax: 2, inFlight: 1 };
  const full = { ...lane, items: 8 };
  expect(planBatch({ ...calm, slots: [busy], lanes: [full], suspect }, greedy, 100)).toEqual({
    kind: "nothing",
  });
  const younger = { rank: 2, order: 9 };
  expect(planBatch({ ...calm, suspect: younger }, greedy, 100)).toMatchObject({ from: lane });
});

const anySlot = fc.record({
  isReady: fc.boolean(),
  inFlight: fc.nat(2),
  runsMax: fc.integer({ min: 1, max: 2 }),
  aheadUntilMs: fc.constantFrom(0, Number.POSITIVE_INFINITY),
  isExclusive: fc.boolean(),
});
const anyLane = fc.record({
  items: fc.integer({ min: 1, max: 12 }),
  isAlone: fc.constant(false),
  rank: fc.integer({ min: 1, max: 3 }),
  order: fc.nat(50),
  oldestAtMs: fc.integer({ min: 90, max: 100 }),
});

test("uses no instance that cannot take a run and keeps no due lane from an idle one", () => {
  const rules = fc.record({ itemsMax: fc.integer({ min: 1, max: 12 }), delayMsMax: fc.nat(10) });
  const property = fc.property(
    fc.array(anySlot),
    fc.array(anyLane),
    rules,
    (slots, lanes, given) => {
      const plan = planBatch({ slots, lanes, suspect: undefined, retries: 0 }, given, 100);
      const isDue = lanes.some(
        (each) => each.items >= given.itemsMax || each.oldestAtMs + given.delayMsMax <= 100,
      );
      const isIdle = slots.some((each) => each.isReady && !each.isExclusive && each.inFlight === 0);
      if (isDue && isIdle) expect(plan.kind).toBe("send");
      if (plan.kind === "wait") expect(plan.untilMs).toBeGreaterThan(100);
      if (plan.kind !== "send") return;
      expect(plan.slot).toMatchObject({ isReady: true, isExclusive: false });
      expect(plan.slot.inFlight).toBeLessThan(plan.slot.runsMax);
      if (plan.slot.inFlight > 0) expect(plan.slot.aheadUntilMs).toBeGreaterThan(100);
    },
  );
  fc.assert(property);
});
