// Goal: no bytes of a caller do more to our HTTP/2 layer than end their stream or their connection:
// nothing is thrown, each call is closed once, what is sent is right, nothing is left behind.
// Method: seeded conversations, damaged, over a socket in memory with a fake clock; each call is
// answered, paused, reset or left as the seed has it. Every message of a failure names its seed.

import { expect, test } from "vitest";
import { prefixed } from "../../tools/grpc-requests.ts";
import { framesOf, type } from "../support/http2-frames.ts";
import { Caller, type HeardCall, okHead, okTrailers } from "../support/http2-rig.ts";
import { cutAnywhere, type StoryRules, tellStory } from "../support/http2-stories.ts";
import { Seeded } from "../support/seeded.ts";

const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
const firstSeed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_261_128);
const stories = Number(process.env["MILLRACE_TEST_RUNS"] ?? (isFull ? 600_000 : 4_000));

const rules: StoryRules = {
  paths: ["/a.B/C", "/a.B/D"],
  message(random) {
    const body = Buffer.alloc(random.once(4) ? random.below(70_000) : random.below(200), 7);
    return prefixed(body);
  },
  callsMax: 6,
  damagesMax: 4,
};

/** What becomes of a call, decided when it comes. */
function act(random: Seeded, { stream }: HeardCall): void {
  const bytes = random.once(3) ? random.below(200_000) : 5 + random.below(300);
  const message = Buffer.alloc(bytes, stream.id);
  const reply = { head: okHead, message, trailers: okTrailers };
  random.of([
    () => stream.answer(reply),
    () => stream.pause(),
    () => stream.reset(8),
    () => stream.respond(okHead, true),
    () => {},
    () => {},
  ])();
}

function whole(random: Seeded, { stream }: HeardCall): void {
  if (stream.isEnded || stream.isGone || random.once(6)) return;
  const bytes = random.once(3) ? random.below(200_000) : 5 + random.below(300);
  stream.answer({ head: okHead, message: Buffer.alloc(bytes), trailers: okTrailers });
}

/** `expect` takes longer than a story. */
function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

/** Counts of how stories ended. */
const ends = { closed: 0, open: 0, calls: 0, replies: 0, faults: new Map<number, number>() };

function play(seed: number): void {
  const random = new Seeded(seed);
  const caller = new Caller({
    limits: { http2StreamsMax: 4 },
    onCall: (call) => act(random, call),
    onWhole: (call) => whole(random, call),
  });
  if (random.once(4)) caller.socket.roomBytes = random.below(300_000);
  const chunks = cutAnywhere(random, tellStory(random, rules));
  for (const chunk of chunks) {
    caller.say(chunk);
    if (random.once(50)) caller.clock.advance(random.below(3_000));
    if (random.once(20)) caller.socket.take(random.below(100_000));
    if (random.once(30)) for (const { stream } of caller.calls.values()) stream.resume();
    let open = 0;
    for (const each of caller.calls.values()) if (!each.isClosed) open += 1;
    check(open <= 4, "more calls are open than may be");
  }
  judgeSent(caller);
  const wasOpen = caller.closes === 0;
  ends[wasOpen ? "open" : "closed"] += 1;
  ends.calls += caller.calls.size;
  caller.connection.destroy();
  const hits = caller.limitHits.length;
  caller.clock.advance(100_000);
  check(caller.limitHits.length === hits, "a limit was hit behind the end");
  check(caller.closes === 1, `closed ${caller.closes} times`);
  for (const call of caller.calls.values()) check(call.isClosed, "a call was left open");
  check(caller.clock.pendingCount === 0, "a timer was left behind");
}

/** What we sent is HTTP/2: whole frames of known kinds and sizes, nothing behind a farewell. */
function judgeSent(caller: Caller): void {
  const { frames, rest } = framesOf(caller.socket.sent());
  if (caller.socket.roomBytes === Number.POSITIVE_INFINITY)
    check(rest.length === 0, "a frame is cut");
  const ended = new Set<number>();
  const reset = new Set<number>();
  let isOver = false;
  for (const { type: kind, flags, stream, payload } of frames) {
    check(!isOver, "a frame behind the farewell");
    check(payload.length <= 16_384, "a frame that is too long");
    check(kind !== type.push && kind <= type.windowUpdate, `a frame of type ${kind}`);
    if (kind === type.data || kind === type.headers) {
      check(!ended.has(stream), "a frame behind the end of its stream");
      check(caller.calls.has(stream), "a reply to no call");
      if ((flags & 1) !== 0) ended.add(stream);
      if (kind === type.headers && (flags & 1) !== 0) ends.replies += 1;
    }
    if (kind === type.reset) {
      check(!reset.has(stream), "a stream was reset twice");
      ended.add(stream);
      reset.add(stream);
    }
    if (kind !== type.goAway) continue;
    isOver = true;
    const code = payload.readUInt32BE(4);
    ends.faults.set(code, (ends.faults.get(code) ?? 0) + 1);
  }
}

test(`${stories} damaged conversations end as they should`, { timeout: 3_600_000 }, () => {
  for (let story = 0; story < stories; story += 1) {
    const seed = firstSeed + story;
    try {
      play(seed);
    } catch (thrown) {
      const replay = `MILLRACE_TEST_SEED=${seed} MILLRACE_TEST_RUNS=1`;
      throw new Error(`${replay}: ${String(thrown)}`, { cause: thrown });
    }
  }
  // The damage reaches far: some live on, and each kind of end is met.
  expect(ends.open).toBeGreaterThan(stories / 20);
  expect(ends.closed).toBeGreaterThan(stories / 20);
  expect(ends.replies).toBeGreaterThan(stories / 4);
  if (stories > 1_000)
    expect([...ends.faults.keys()].sort()).toEqual(expect.arrayContaining([1, 3, 5, 6, 9]));
  if (isFull) process.stderr.write(`${JSON.stringify({ ...ends, faults: [...ends.faults] })}\n`);
});

test("conversations that nobody damaged are answered as one expects", () => {
  const random = new Seeded(firstSeed);
  for (let story = 0; story < 300; story += 1) {
    const caller = new Caller({
      onWhole: ({ stream }) =>
        stream.answer({ head: okHead, message: Buffer.alloc(9), trailers: okTrailers }),
    });
    for (const chunk of cutAnywhere(random, tellStory(random, { ...rules, damagesMax: 0 }))) {
      caller.say(chunk);
    }
    const { frames } = framesOf(caller.socket.sent());
    expect(frames.filter((each) => each.type === type.goAway)).toEqual([]);
    expect(caller.calls.size).toBeGreaterThan(0);
  }
});
