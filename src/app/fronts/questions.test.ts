// Goal: a question between processes is settled once, whatever the other side does, and leaves
// nothing behind. Method: a fake clock, answers by hand.
import { expect, test } from "vitest";
import { FakeClock } from "../../base/index.ts";
import { Questions } from "./questions.ts";

const msMax = 1_000;

function start() {
  const clock = new FakeClock();
  const questions = new Questions<string>(clock);
  const sent: number[] = [];
  const ask = (wait: number | undefined = msMax): Promise<string | undefined> =>
    questions.ask(wait, (id) => void sent.push(id));
  return { clock, questions, sent, ask };
}

test("answers come to whom they are for, in any order, and end their timers", async () => {
  const { clock, questions, sent, ask } = start();
  const [first, second] = [ask(), ask()];
  expect(new Set(sent).size).toBe(2);
  questions.answered(sent[1] ?? 0, "two");
  questions.answered(sent[0] ?? 0, "one");
  expect(await Promise.all([first, second])).toEqual(["one", "two"]);
  expect(clock.pendingCount).toBe(0);
});

test("a question has no answer after its time, and one that comes then is for nobody", async () => {
  const { clock, questions, sent, ask } = start();
  let isSettled = false;
  const late = ask().finally(() => {
    isSettled = true;
  });
  clock.advance(msMax - 1);
  await Promise.resolve();
  expect(isSettled).toBe(false);
  clock.advance(1);
  expect(await late).toBeUndefined();
  questions.answered(sent[0] ?? 0, "late");
  const next = ask();
  expect(sent[1]).not.toBe(sent[0]);
  questions.answered(sent[1] ?? 0, "next");
  expect(await next).toBe("next");
});

test("all are settled when the other side is gone, and nothing is asked of it later", async () => {
  const { clock, questions, sent, ask } = start();
  const waiting = [ask(), ask(), questions.ask(undefined, () => {})];
  questions.over();
  expect(await Promise.all(waiting)).toEqual([undefined, undefined, undefined]);
  expect(await ask()).toBeUndefined();
  expect(sent).toHaveLength(2);
  expect(clock.pendingCount).toBe(0);
});
