// Goal: every row of a stream is run once and answered once; a reader who stops, stops the model;
// one who leaves ends the rest. Method: a fake clock, slices that take random times, a reader who
// takes in bursts; a seed replays a story.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Cancellation, FakeClock, ServingError, seededRandom } from "../../base/index.ts";
import { nextSliceRows, sliceRowsAtStart } from "./slice-rows.ts";
import type { FlowSink } from "./stream-flow.ts";
import { streamRows } from "./stream-rows.ts";

const rowBytes = 10;

/** Takes `bytes` of what was written each `everyMs`. */
class BurstReader implements FlowSink<readonly number[]> {
  unreadBytes = 0;
  mostUnreadBytes = 0;
  readonly rows: number[] = [];
  #at = 0;
  #taken: () => void = () => {};

  onTaken(act: () => void): void {
    this.#taken = act;
  }

  /** Ten rows are a part. */
  write(rows: readonly number[]): boolean {
    const part = rows.slice(this.#at, this.#at + 10);
    this.rows.push(...part);
    this.unreadBytes += part.length * rowBytes;
    this.mostUnreadBytes = Math.max(this.mostUnreadBytes, this.unreadBytes);
    this.#at += part.length;
    if (this.#at < rows.length) return false;
    this.#at = 0;
    return true;
  }

  take(bytes: number): void {
    this.unreadBytes = Math.max(0, this.unreadBytes - bytes);
    this.#taken();
  }
}

interface Story {
  readonly seed: number;
  readonly total: number;
  readonly from: number;
  readonly isOrdered: boolean;
  readonly unreadBytesMax: number;
}

const stories = fc.record({
  seed: fc.nat(),
  total: fc.nat({ max: 3_000 }),
  from: fc.nat({ max: 50 }),
  isOrdered: fc.boolean(),
  unreadBytesMax: fc.integer({ min: 100, max: 20_000 }),
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

/** A stream under way: its slices end when the clock says so. */
function begin({ seed, total, from, isOrdered, unreadBytesMax }: Story) {
  const random = seededRandom(seed);
  const clock = new FakeClock();
  const cancellation = new Cancellation();
  const sink = new BurstReader();
  const ran: number[] = [];
  const seen = { open: 0, mostOpen: 0, isOver: false, error: undefined as unknown };
  const pending = streamRows<readonly number[]>({
    ...{ clock, cancellation, sink, isOrdered, unreadBytesMax, from: Math.min(from, total) },
    to: total,
    async run(first, last) {
      seen.open += 1;
      seen.mostOpen = Math.max(seen.mostOpen, seen.open);
      await new Promise<void>((done) => clock.after(1 + random.next() * 200, done));
      seen.open -= 1;
      const result = Array.from({ length: last - first }, (_, index) => first + index);
      ran.push(...result);
      return { result, bytes: result.length * rowBytes };
    },
  }).then(
    () => {
      seen.isOver = true;
    },
    (thrown: unknown) => {
      seen.isOver = true;
      seen.error = thrown;
    },
  );
  return { clock, cancellation, sink, ran, seen, random, pending };
}

test("each row is run once and written once, in order where that is wanted", async () => {
  await fc.assert(
    fc.asyncProperty(stories, async (story) => {
      const { clock, sink, ran, seen, random, pending } = begin(story);
      for (let turn = 0; turn < 20_000 && !seen.isOver; turn += 1) {
        clock.advance(random.next() * 50);
        await turns(4);
        if (random.next() < 0.5) sink.take(random.next() * 4_000);
        await turns(4);
      }
      await pending;
      const from = Math.min(story.from, story.total);
      const all = Array.from({ length: story.total - from }, (_, index) => from + index);
      expect(ran.toSorted((a, b) => a - b)).toEqual(all);
      expect(story.isOrdered ? sink.rows : sink.rows.toSorted((a, b) => a - b)).toEqual(all);
      expect(seen.mostOpen).toBeLessThanOrEqual(4);
      // The mark, and one part over it.
      expect(sink.mostUnreadBytes).toBeLessThan(story.unreadBytesMax + 10 * rowBytes);
    }),
    { numRuns: 60 },
  );
});

test("a reader who stops, stops the model", async () => {
  const story = { seed: 7, total: 100_000, from: 0, isOrdered: false, unreadBytesMax: 5_000 };
  const { clock, cancellation, sink, ran, seen, pending } = begin(story);
  for (let turn = 0; turn < 500; turn += 1) {
    clock.advance(50);
    await turns(8);
  }
  const stopped = ran.length;
  expect(seen.open).toBe(0);
  // The mark, a part, and four slices that wait for their turn.
  expect(stopped * rowBytes).toBeLessThan(3 * story.unreadBytesMax);
  clock.advance(10_000);
  await turns(8);
  expect(ran.length).toBe(stopped);
  sink.take(5_000);
  await turns(8);
  clock.advance(1_000);
  await turns(8);
  expect(ran.length).toBeGreaterThan(stopped);
  cancellation.cancel(new ServingError("CANCELLED", "the caller left"));
  await pending;
  const [left, written] = [ran.length, sink.rows.length];
  sink.take(1_000_000);
  clock.advance(10_000);
  await turns(8);
  expect(ran.length - left).toBeLessThanOrEqual(4 * 1_024);
  expect(sink.rows.length).toBe(written);
  expect(clock.pendingCount).toBe(0);
});

test("a fault of a slice ends the stream with it, and nothing is written after that", async () => {
  const clock = new FakeClock();
  const sink = new BurstReader();
  const pending = streamRows<readonly number[]>({
    ...{ clock, cancellation: new Cancellation(), sink, isOrdered: true, unreadBytesMax: 1_000 },
    ...{ from: 0, to: 200 },
    run: (first) => {
      if (first === 0)
        return new Promise((done) => clock.after(5, () => done({ result: [0], bytes: 1 })));
      return Promise.reject(new ServingError("INTERNAL", "broken"));
    },
  });
  await expect(pending).rejects.toThrow("broken");
  clock.advance(10);
  await turns(8);
  expect(sink.rows).toEqual([]);
});

test("slices grow while they are quick, shrink when slow, and fit their share of the mark", () => {
  const rules = { rowsMax: 1_024, answerBytesMax: 1_000_000 };
  const back = (rows: number, tookMs: number, answerBytes = rows) => ({
    rows,
    tookMs,
    answerBytes,
  });
  expect(nextSliceRows(sliceRowsAtStart, back(32, 5), rules)).toBe(64);
  expect(nextSliceRows(1_024, back(1_024, 5), rules)).toBe(1_024);
  expect(nextSliceRows(64, back(64, 50), rules)).toBe(64);
  expect(nextSliceRows(64, back(64, 101), rules)).toBe(32);
  expect(nextSliceRows(1, back(1, 5_000), rules)).toBe(1);
  expect(nextSliceRows(64, back(3, 1), rules)).toBe(64);
  expect(nextSliceRows(64, back(64, 1, 64 * 100_000), rules)).toBe(10);
  expect(nextSliceRows(64, back(64, 1, 64 * 10_000_000), rules)).toBe(1);
});
