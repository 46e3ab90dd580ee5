// Goal: no connection holds more than its limit but one reply, all together no more than theirs but
// one connection, those end first whose readers are furthest behind, and sums come back to zero.
// Method: edges by hand; random stories against a list of what waits, oldest first.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../base/index.ts";
import { countResponse, type UnreadLine, UnreadReplies } from "./unread-replies.ts";

interface Rig {
  readonly all: UnreadReplies;
  readonly clock: FakeClock;
  readonly hits: string[];
}

function rig(connectionUnreadBytesMax: number, unreadBytesMax: number): Rig {
  const clock = new FakeClock();
  const hits: string[] = [];
  const limits = { connectionUnreadBytesMax, unreadBytesMax };
  const all = new UnreadReplies({ limits, clock, limitHit: (name) => hits.push(name) });
  return { all, clock, hits };
}

test("a connection takes up to its limit, and any one reply where nothing waits", () => {
  const { all } = rig(1_000, 10_000);
  const line = all.enter(() => {});
  expect(line.admits(1_001)).toBe(true);
  line.count(400);
  expect([599, 600, 601].map((bytes) => line.admits(bytes))).toEqual([true, true, false]);
  const { code, limit, message } = line.refusal(601);
  expect([code, limit]).toEqual(["REPLIES_UNREAD", "connectionUnreadBytesMax"]);
  for (const part of ["400", "601", "1000"]) expect(message).toContain(part);
  line.count(-400);
  expect([all.bytes, line.bytes, line.admits(1_001)]).toEqual([0, 0, true]);
});

test("at the limit of all nobody ends, above it the one that waits longest does", () => {
  const { all, clock, hits } = rig(1_000, 1_000);
  const ended: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    all.enter(() => ended.push(name)),
  ) as [UnreadLine, UnreadLine, UnreadLine];
  first.count(400);
  second.count(300);
  third.count(300);
  expect([all.bytes, hits]).toEqual([1_000, []]);
  first.count(1);
  expect([all.bytes, hits]).toEqual([600, ["unreadBytesMax"]]);
  expect(ended).toEqual([]);
  clock.advance(0);
  expect(ended).toEqual(["first"]);
  second.count(-250);
  third.count(200);
  second.count(400);
  expect([all.bytes, second.bytes]).toEqual([950, 450]);
  // Of what waited there first, 50 have not been taken.
  third.count(60);
  clock.advance(0);
  expect(ended).toEqual(["first", "second"]);
  first.count(500);
  expect([first.bytes, all.bytes]).toEqual([0, 560]);
});

test("who has taken all that waited goes to the end of the line, however much waits", () => {
  const { all, clock } = rig(10_000, 1_000);
  const ended: string[] = [];
  const busy = all.enter(() => ended.push("busy"));
  const stuck = all.enter(() => ended.push("stuck"));
  busy.count(500);
  stuck.count(100);
  busy.count(300);
  busy.count(-500);
  busy.count(700);
  clock.advance(0);
  expect([ended, all.bytes]).toEqual([["stuck"], 1_000]);
  busy.count(5_000);
  clock.advance(0);
  expect([ended, all.bytes]).toEqual([["stuck"], 6_000]);
});

test("a response of HTTP/1.1 counts until it is finished, or its connection over", () => {
  const { all } = rig(1_000, 1_000);
  const line = all.enter(() => {});
  const sent: (() => void)[] = [];
  const onSent = (act: () => void): void => void sent.push(act);
  countResponse(line, { writableLength: 0, onSent }, 500);
  countResponse(line, { writableLength: 300 }, 500);
  expect(all.bytes).toBe(0);
  countResponse(line, { writableLength: 300, onSent }, 500);
  countResponse(line, { writableLength: 1, onSent }, 70);
  expect(all.bytes).toBe(570);
  sent[0]?.();
  expect(all.bytes).toBe(70);
  line.close();
  line.close();
  expect(all.bytes).toBe(0);
});

test("whatever is written and taken, the sums are right and the bound of all holds", () => {
  const step = fc.record({
    line: fc.nat({ max: 5 }),
    what: fc.constantFrom("write", "write", "take", "close"),
    bytes: fc.integer({ min: 1, max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { all, clock } = rig(500, 1_000);
      const cuts = new Map<UnreadLine, number>();
      const make = (): UnreadLine => {
        const line: UnreadLine = all.enter(() => cuts.set(line, (cuts.get(line) ?? 0) + 1));
        return line;
      };
      const lines = Array.from({ length: 6 }, make);
      for (const { line: at, what, bytes } of steps) {
        const line = lines[at] as UnreadLine;
        if (what === "close") {
          line.close();
          lines[at] = make();
        } else if (what === "take") line.count(-Math.min(bytes, line.bytes));
        else if (line.admits(bytes)) line.count(bytes);
        clock.advance(0);
        const held = lines.map((each) => each.bytes);
        expect(all.bytes).toBe(held.reduce((sum, each) => sum + each, 0));
        expect(all.bytes).toBeLessThanOrEqual(1_000);
        for (const each of held) expect(each).toBeLessThanOrEqual(500);
        lines.forEach((each, index) => {
          if (cuts.has(each)) lines[index] = make();
        });
      }
      for (const times of cuts.values()) expect(times).toBe(1);
      for (const each of lines) each.close();
      expect(all.bytes).toBe(0);
    }),
  );
});
