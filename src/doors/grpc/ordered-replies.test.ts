// Goal: every request of a stream is answered, in order, and the stream ends, whenever answers
// settle and whenever the caller says that it is done. Method: a call in memory; answers that
// settle after any number of turns of the queue of promises, which no clock can tell apart.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, FakeClock, ServingError } from "../../base/index.ts";
import { OpenStreams } from "../../service/index.ts";
import { OrderedReplies, type RepliesCall } from "./ordered-replies.ts";
import { Work } from "./transport/work.ts";

class FakeCall implements RepliesCall {
  readonly work = this.newWork();
  readonly unsentBytes = 0;
  readonly sent: string[] = [];
  end: string | undefined;

  newWork(): Work {
    const clock = new FakeClock();
    const settings = { nowMs: () => clock.nowMs(), finished: () => {} };
    return new Work(settings, { requestId: "1", path: "/a.B/C" });
  }

  pause(): void {}

  resume(): void {}

  async drained(): Promise<void> {}

  keep(): void {}

  refusalOf(): undefined {}

  async send(frame: Buffer): Promise<void> {
    this.sent.push(String(frame));
  }

  finish(): void {
    this.end = "OK";
  }

  fail(thrown: unknown): void {
    this.end = ServingError.from(thrown).code;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined;
}

function open(
  call: FakeCall,
  turnsOf: (text: string) => number,
  isFailing = false,
): OrderedReplies {
  const service = {
    admit: () => {},
    limits: defaultLimits,
    streams: new OpenStreams(defaultLimits),
  };
  return new OrderedReplies({
    call,
    service,
    async answer(_work, message) {
      const count = turnsOf(String(message));
      if (count > 0) await turns(count);
      if (isFailing) throw new ServingError("INVALID_INPUT", "wrong");
      return { frame: message, rest: [] };
    },
    failed: (_thrown, message) => ({ frame: Buffer.concat([message, Buffer.from("!")]), rest: [] }),
  });
}

const idle = (): Promise<void> => new Promise((done) => setImmediate(done));

test("a request that fails at once on a stream that ends with it is answered", async () => {
  for (let count = 0; count < 12; count += 1) {
    const call = new FakeCall();
    const replies = open(call, () => count, true);
    replies.message(Buffer.from("a"));
    replies.halfClosed();
    await idle();
    expect([count, call.sent, call.end]).toEqual([count, ["a!"], "OK"]);
  }
});

test("all are answered in order, whenever each settles and the caller is done", async () => {
  const story = fc.record({
    turns: fc.array(fc.nat(8), { minLength: 1, maxLength: 6 }),
    between: fc.array(fc.nat(6), { minLength: 6, maxLength: 6 }),
    isFailing: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(story, async ({ turns: counts, between, isFailing }) => {
      const call = new FakeCall();
      const replies = open(call, (text) => counts[Number(text)] ?? 0, isFailing);
      for (const index of counts.keys()) {
        replies.message(Buffer.from(String(index)));
        await turns(between[index] ?? 0);
      }
      replies.halfClosed();
      await idle();
      const wanted = [...counts.keys()].map((index) => `${index}${isFailing ? "!" : ""}`);
      expect([call.sent, call.end]).toEqual([wanted, "OK"]);
    }),
    { numRuns: 500 },
  );
});
