// Goal: calls are tried again, doubled and held back as the rules say, and never beyond.
// Method: a fake clock, seeded draws and attempts that a test answers by hand.
import { expect, test } from "vitest";
import { FakeClock, seededRandom } from "../../../../src/base/index.ts";
import { MillraceError } from "../millrace-error.ts";
import { type Attempt, Attempts, type CallRules } from "./attempts.ts";
import { Deadline } from "./deadline.ts";
import { samplesMin } from "./hedge-policy.ts";
import { tokensMax } from "./retry-budget.ts";

const rules: CallRules = {
  retry: { attemptsMax: 3, backoffMsMin: 100, backoffMsMax: 2_000 },
  isHedged: false,
};
const busy = new MillraceError("QUEUE_FULL", "full", { status: 503 });
const wrong = new MillraceError("INVALID_INPUT", "wrong", { status: 400 });

interface HandAttempt {
  readonly signal: AbortSignal;
  readonly done: (answer: string) => void;
  readonly fail: (error: unknown) => void;
}

function rig(isThrottled = false) {
  const clock = new FakeClock();
  const attempts = new Attempts({ clock, random: seededRandom(1), isThrottled });
  const sent: HandAttempt[] = [];
  const attempt: Attempt<string> = (signal) =>
    new Promise((done, fail) => {
      sent.push({ signal, done, fail });
      signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    });
  return {
    clock,
    attempts,
    sent,
    /** Starts a call; its end is an answer or a code. */
    call(change: Partial<CallRules> = {}, timeoutMs = 10_000, signal?: AbortSignal) {
      const deadline = new Deadline(clock, timeoutMs, signal);
      const code = (thrown: unknown) => (MillraceError.is(thrown) ? thrown.code : String(thrown));
      return attempts
        .run(attempt, deadline, { ...rules, ...change })
        .catch(code)
        .finally(() => deadline.close());
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

test("tries again after a wait and gives the answer of the second attempt", async () => {
  const { clock, sent, call, attempts } = rig();
  const end = call();
  await settle();
  sent[0]?.fail(busy);
  await settle();
  expect(sent).toHaveLength(1);
  clock.advance(100);
  await settle();
  sent[1]?.done("yes");
  expect(await end).toBe("yes");
  expect(attempts.budget.tokens).toBeCloseTo(tokensMax - 1 + 0.1);
});

test("gives up after three attempts, and at once after a fault that stays", async () => {
  const { clock, sent, call } = rig();
  const end = call();
  for (let index = 0; index < 3; index += 1) {
    await settle();
    sent[index]?.fail(busy);
    await settle();
    clock.advance(200);
  }
  expect(await end).toBe("QUEUE_FULL");
  expect(sent).toHaveLength(3);
  const final = call();
  await settle();
  sent[3]?.fail(wrong);
  expect(await final).toBe("INVALID_INPUT");
  expect(sent).toHaveLength(4);
});

test("stops trying again when the budget is spent, and earns it back by successes", async () => {
  const { clock, sent, call, attempts } = rig();
  for (let index = 0; index < 20; index += 1) {
    const end = call();
    for (let turn = 0; turn < 3; turn += 1) {
      await settle();
      sent.at(-1)?.fail(busy);
      await settle();
      clock.advance(400);
    }
    await end;
  }
  expect(sent).toHaveLength(20 + tokensMax);
  expect(attempts.budget.tokens).toBe(0);
  for (let index = 0; index < 10; index += 1) {
    const end = call();
    await settle();
    sent.at(-1)?.done("yes");
    await end;
  }
  expect(attempts.budget.tokens).toBe(1);
});

test("a deadline ends a wait and an attempt; a caller who leaves ends both too", async () => {
  const { clock, sent, call } = rig();
  const late = call({}, 50);
  await settle();
  clock.advance(50);
  expect(await late).toBe("DEADLINE_EXCEEDED");
  expect(sent[0]?.signal.aborted).toBe(true);
  const controller = new AbortController();
  const left = call({}, 10_000, controller.signal);
  await settle();
  sent[1]?.fail(busy);
  await settle();
  controller.abort();
  expect(await left).toBe("CANCELLED");
  expect(clock.pendingCount).toBe(0);
  expect(await call({}, 10_000, controller.signal)).toBe("CANCELLED");
  expect(sent).toHaveLength(2);
});

/** Lets enough calls answer after `ms` for a p95 to be known. */
async function warm({ clock, sent, call }: ReturnType<typeof rig>, ms: number): Promise<void> {
  for (let index = 0; index < samplesMin; index += 1) {
    const end = call();
    await settle();
    clock.advance(ms);
    sent.at(-1)?.done("warm");
    await end;
  }
}

test("doubles a slow call once, takes the first answer and ends the other", async () => {
  const bench = rig();
  await warm(bench, 10);
  const { clock, sent, call, attempts } = bench;
  const before = sent.length;
  const tokens = attempts.budget.tokens;
  const end = call({ isHedged: true });
  await settle();
  clock.advance(9);
  expect(sent).toHaveLength(before + 1);
  clock.advance(1);
  expect(sent).toHaveLength(before + 2);
  sent[before + 1]?.done("second");
  expect(await end).toBe("second");
  expect(sent[before]?.signal.aborted).toBe(true);
  expect(sent[before + 1]?.signal.aborted).toBe(false);
  expect(attempts.budget.tokens).toBeCloseTo(Math.min(tokens, tokensMax) - 1 + 0.1);
});

test("does not double without the switch, nor before enough calls are known", async () => {
  const { clock, sent, call } = rig();
  const end = call({ isHedged: true });
  await settle();
  clock.advance(5_000);
  expect(sent).toHaveLength(1);
  sent[0]?.done("yes");
  expect(await end).toBe("yes");
});

test("both copies fail: the call fails, and three attempts are the most", async () => {
  const bench = rig();
  await warm(bench, 10);
  const { clock, sent, call } = bench;
  const before = sent.length;
  const end = call({ isHedged: true });
  await settle();
  clock.advance(10);
  sent[before]?.fail(busy);
  await settle();
  sent[before + 1]?.fail(busy);
  await settle();
  clock.advance(1_000);
  await settle();
  sent[before + 2]?.fail(busy);
  expect(await end).toBe("QUEUE_FULL");
  expect(sent).toHaveLength(before + 3);
});

test("holds most requests back while the server turns them away", async () => {
  const { clock, sent, call } = rig(true);
  const ends = new Map<string, number>(); // at most one entry per code
  for (let index = 0; index < 400; index += 1) {
    const before = sent.length;
    const end = call({ retry: { ...rules.retry, attemptsMax: 1 } });
    await settle();
    if (sent.length > before) sent.at(-1)?.fail(busy);
    const code = await end;
    ends.set(code, (ends.get(code) ?? 0) + 1);
    clock.advance(100);
  }
  expect(ends.get("THROTTLED")).toBeGreaterThan(340);
  expect(ends.get("QUEUE_FULL")).toBeGreaterThan(1);
  // A minute later nothing is remembered.
  clock.advance(61_000);
  const end = call();
  await settle();
  sent.at(-1)?.done("yes");
  expect(await end).toBe("yes");
});
