// Goal: a broken stream can be found for its time, within bounds of number and bytes; a stream that
// is read does not age. Method: a fake clock; the edges of each bound by hand; random stories.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../../base/index.ts";
import { KeptStreams } from "./kept-streams.ts";

function open(streamsKeptMax = 3, streamsKeptBytesMax = 100) {
  const clock = new FakeClock();
  let next = 0;
  const newId = (): string => `s${next++}`;
  const limits = { streamsKeptMax, streamsKeptBytesMax, streamKeptMsMax: 60_000 };
  return { clock, kept: new KeptStreams<string>({ clock, limits, newId }) };
}

test("a stream without a reader is forgotten after its time, and one that is read is not", () => {
  const { clock, kept } = open();
  const [a, b] = [kept.keep("a", 10), kept.keep("b", 20)];
  const leave = b?.attach(() => {});
  clock.advance(59_999);
  expect(kept.find(a?.id ?? "")?.source).toBe("a");
  clock.advance(1);
  expect(kept.find(a?.id ?? "")).toBeUndefined();
  expect([kept.count, kept.bytes]).toEqual([1, 20]);
  clock.advance(600_000);
  expect(kept.find("s1")?.source).toBe("b");
  leave?.();
  clock.advance(59_999);
  expect(kept.count).toBe(1);
  clock.advance(1);
  expect([kept.count, kept.bytes, clock.pendingCount]).toEqual([0, 0, 0]);
});

test("past a bound the oldest is forgotten, and what alone is over it is not kept", () => {
  const { kept } = open(2, 100);
  expect(kept.keep("big", 101)).toBeUndefined();
  expect(kept.keep("whole", 100)?.id).toBe("s0");
  kept.keep("b", 50);
  expect(kept.find("s0")).toBeUndefined();
  kept.keep("c", 50);
  kept.keep("d", 1);
  expect([kept.find("s1"), kept.find("s2")?.source, kept.find("s3")?.source]).toEqual([
    undefined,
    "c",
    "d",
  ]);
  expect(open(0).kept.keep("none", 1)).toBeUndefined();
});

test("a second reader replaces the first, whose leaving then means nothing", () => {
  const { clock, kept } = open();
  const told: string[] = [];
  const stream = kept.keep("a", 1);
  const first = stream?.attach(() => told.push("first"));
  const second = stream?.attach(() => told.push("second"));
  expect(told).toEqual(["first"]);
  first?.();
  clock.advance(120_000);
  expect(kept.count).toBe(1);
  second?.();
  clock.advance(60_000);
  expect(kept.count).toBe(0);
  expect(stream?.attach(() => told.push("late"))).toBeTypeOf("function");
  expect(told).toEqual(["first"]);
});

test("number, bytes and times stay within their bounds in any story", () => {
  const step = fc.record({
    what: fc.constantFrom("keep", "attach", "leave", "forget", "wait"),
    pick: fc.nat({ max: 200 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { clock, kept } = open(5, 300);
      const streams: NonNullable<ReturnType<typeof kept.keep>>[] = [];
      const leaves: (() => void)[] = [];
      for (const { what, pick } of steps) {
        const stream = streams[pick % Math.max(1, streams.length)];
        if (what === "keep") {
          const made = kept.keep("x", pick);
          if (made !== undefined) streams.push(made);
        } else if (what === "attach" && stream !== undefined) leaves.push(stream.attach(() => {}));
        else if (what === "leave") leaves[pick % Math.max(1, leaves.length)]?.();
        else if (what === "forget" && stream !== undefined) kept.forget(stream.id);
        else if (what === "wait") clock.advance(pick * 500);
        expect(kept.count).toBeLessThanOrEqual(5);
        expect(kept.bytes).toBeLessThanOrEqual(300);
      }
      for (const leave of leaves) leave();
      clock.advance(60_000);
      expect([kept.count, kept.bytes, clock.pendingCount]).toEqual([0, 0, 0]);
    }),
  );
});
