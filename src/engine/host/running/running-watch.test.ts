// Goal: the parent knows what a worker of several fronts works on and since when it does.
// Method: a record in a real file, written as a worker does, read under a fake clock.
import { mkdtempSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { FakeClock } from "../../../base/index.ts";
import { noFront, RunningRecord } from "../../frame/index.ts";
import { Operations } from "../operations.ts";
import { RunningWatch } from "./running-watch.ts";

function newRecord(): { record: RunningRecord; watch: RunningWatch } {
  const path = join(mkdtempSync(join(tmpdir(), "millrace-record-")), "running");
  const file = openSync(path, "w+");
  unlinkSync(path);
  rmdirSync(dirname(path));
  return { record: new RunningRecord(file), watch: new RunningWatch(file) };
}

const asked = (operations: Operations, id: number, msMax: number): void =>
  operations.add({ kind: "run", id, msMax, answer: () => {}, fail: () => {} });

test("before the first note the oldest operation is what it works on", () => {
  const { watch } = newRecord();
  const clock = new FakeClock();
  const own = new Operations(clock);
  expect(watch.look(own, 5)).toEqual({ sinceMs: undefined, msMax: 0, isNews: false });
  clock.advance(3);
  asked(own, 0, 30_000);
  expect(watch.look(own, 5)).toEqual({ sinceMs: 3, msMax: 30_000, isNews: false });
  watch.close();
});

test("work of another front is timed by its own limit, from the look that first saw it", () => {
  const { record, watch } = newRecord();
  const own = new Operations(new FakeClock());
  asked(own, 1, 9);
  record.begin(2, 77, 400);
  expect(watch.look(own, 1_000)).toEqual({ sinceMs: 1_000, msMax: 400, isNews: true });
  expect(watch.look(own, 1_300)).toEqual({ sinceMs: 1_000, msMax: 400, isNews: false });
  record.end();
  record.begin(2, 77, 400);
  expect(watch.look(own, 1_600)).toEqual({ sinceMs: 1_600, msMax: 400, isNews: true });
  record.end();
  expect(watch.look(own, 1_900)).toMatchObject({ sinceMs: undefined, isNews: true });
  expect(watch.look(own, 2_200)).toMatchObject({ sinceMs: undefined, isNews: false });
  watch.close();
});

test("work of the parent is timed by what the parent asked, while it waits for it", () => {
  const { record, watch } = newRecord();
  const own = new Operations(new FakeClock());
  record.begin(0, 1, 0);
  expect(watch.look(own, 10)).toMatchObject({ sinceMs: undefined });
  asked(own, 1, 120);
  expect(watch.look(own, 20)).toMatchObject({ sinceMs: 10, msMax: 120 });
  watch.close();
});

test("what it worked on last is known after the end", () => {
  const { record, watch } = newRecord();
  record.begin(3, 0xffff_fff0, 1);
  watch.close();
  expect(watch.now()).toMatchObject({ front: 3, batch: 0xffff_fff0 });
  const other = newRecord();
  other.record.begin(3, 5, 1);
  other.record.end();
  other.watch.close();
  expect(other.watch.now()).toMatchObject({ front: noFront });
});
