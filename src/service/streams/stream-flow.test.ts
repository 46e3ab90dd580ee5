// Goal: every result is written once, in order where that is wanted, never more of them under way
// than allowed, and nothing while the reader is behind. Method: random stories of begins, ends and
// a reader who takes bytes, against a list of what was written; the edges by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type FlowPlace, type FlowSink, StreamFlow } from "./stream-flow.ts";

/** A reader who takes what it is told to; a result is a number of parts of one byte. */
class Reader implements FlowSink<{ place: number; parts: number }> {
  unreadBytes = 0;
  mostUnreadBytes = 0;
  readonly written: number[] = [];
  #at = 0;
  #taken: () => void = () => {};

  onTaken(act: () => void): void {
    this.#taken = act;
  }

  write({ place, parts }: { place: number; parts: number }): boolean {
    this.unreadBytes += 1;
    this.mostUnreadBytes = Math.max(this.mostUnreadBytes, this.unreadBytes);
    this.#at += 1;
    if (this.#at < parts) return false;
    this.#at = 0;
    this.written.push(place);
    return true;
  }

  take(bytes: number): void {
    this.unreadBytes = Math.max(0, this.unreadBytes - bytes);
    this.#taken();
  }
}

const step = fc.record({
  what: fc.constantFrom("begin", "begin", "end", "end", "take"),
  pick: fc.nat({ max: 100 }),
});
const story = fc.record({
  isOrdered: fc.boolean(),
  resultsMax: fc.integer({ min: 1, max: 6 }),
  unreadBytesMax: fc.integer({ min: 1, max: 5 }),
  sourceBytesMax: fc.integer({ min: 1, max: 40 }),
  steps: fc.array(step, { maxLength: 200 }),
});

test("writes each result once, within its bounds, whatever happens in which order", () => {
  fc.assert(
    fc.property(story, ({ steps, ...rules }) => {
      const reader = new Reader();
      const flow = new StreamFlow({ ...rules, sink: reader, written: () => {} });
      const open: FlowPlace[] = [];
      let begun = 0;
      const end = (pick: number): void => {
        const [place] = open.splice(pick % open.length, 1);
        if (place === undefined) return;
        const result = { place: place.turn, parts: 1 + (place.turn % 3) };
        flow.end(place, result, pick % 4);
      };
      for (const { what, pick } of steps) {
        const held = open.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
        const inFlight = begun - reader.written.length;
        expect(flow.inFlight).toBe(inFlight);
        if (inFlight >= rules.resultsMax || held >= rules.sourceBytesMax) {
          expect(flow.hasRoom).toBe(false);
        } else if (inFlight < 2) expect(flow.hasRoom).toBe(true);
        if (what === "begin" && flow.hasRoom) {
          open.push(flow.begin(pick));
          begun += 1;
        } else if (what === "end" && open.length > 0) end(pick);
        else if (what === "take") reader.take(1 + (pick % 4));
      }
      while (open.length > 0) end(0);
      for (let turn = 0; turn < 1_000 && flow.inFlight > 0; turn += 1) reader.take(1);
      expect(flow.inFlight).toBe(0);
      expect(reader.mostUnreadBytes).toBeLessThanOrEqual(rules.unreadBytesMax);
      const all = Array.from({ length: begun }, (_, place) => place);
      expect(rules.isOrdered ? reader.written : reader.written.toSorted((a, b) => a - b)).toEqual(
        all,
      );
    }),
  );
});

test("tells of room once a full flow has written, and may be filled from there", () => {
  const reader = new Reader();
  const places: number[] = [];
  const flow: StreamFlow<{ place: number; parts: number }> = new StreamFlow({
    ...{ sink: reader, isOrdered: true, resultsMax: 2, unreadBytesMax: 1, sourceBytesMax: 1 },
    written: () => {
      while (places.length < 50 && flow.hasRoom) {
        const place = flow.begin(0);
        places.push(place.turn);
        flow.end(place, { place: place.turn, parts: 1 }, 1);
      }
    },
  });
  flow.end(flow.begin(0), { place: 0, parts: 1 }, 1);
  for (let turn = 0; turn < 60; turn += 1) reader.take(1);
  expect(reader.written.length).toBe(51);
  expect(flow.inFlight).toBe(0);
});

test("a closed flow writes nothing and has no room", () => {
  const reader = new Reader();
  const flow = new StreamFlow({
    ...{ sink: reader, isOrdered: false, resultsMax: 3, unreadBytesMax: 1, sourceBytesMax: 9 },
    written: () => {},
  });
  const places = [flow.begin(1), flow.begin(1)];
  for (const place of places) flow.end(place, { place: place.turn, parts: 5 }, 1);
  flow.close();
  reader.take(9);
  expect(reader.written).toEqual([]);
  expect(flow.hasRoom).toBe(false);
  expect(flow.inFlight).toBe(0);
  expect(() => flow.begin(1)).toThrow("without room");
});

test("makes fewer at once while results are large, and more again when they are not", () => {
  const reader = new Reader();
  const flow = new StreamFlow({
    ...{ sink: reader, isOrdered: false, resultsMax: 64 },
    ...{ unreadBytesMax: 1_000, sourceBytesMax: 1_000, written: () => {} },
  });
  const fill = (): FlowPlace[] => {
    const places: FlowPlace[] = [];
    while (flow.hasRoom) places.push(flow.begin(0));
    return places;
  };
  const end = (places: readonly FlowPlace[], bytes: number): void => {
    for (const place of places) flow.end(place, { place: place.turn, parts: 1 }, bytes);
  };
  const first = fill();
  expect(first.length).toBe(64);
  end(first, 250);
  const second = fill();
  expect(second.length).toBe(4);
  end(second, 5_000);
  const third = fill();
  expect(third.length).toBe(2);
  end(third, 10);
  for (let turn = 0; turn < 40; turn += 1) {
    reader.take(1_000);
    end(fill(), 10);
  }
  expect(fill().length).toBe(64);
});
