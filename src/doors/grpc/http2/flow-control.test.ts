// Goal: nothing is sent beyond the windows of the caller, all of it is sent in the end, and a
// caller may send what it was allowed and no more. Method: frames by hand over a socket in memory;
// random windows against a count kept by the test.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  data,
  type Frame,
  flag,
  frame,
  headers,
  ping,
  setting,
  settings,
  type,
  windowUpdate,
} from "../../../../test/support/http2-frames.ts";
import { Caller, greeted, okHead, okTrailers } from "../../../../test/support/http2-rig.ts";
import { errorCode } from "./fault.ts";
import { streamWindowBytes } from "./windows.ts";

/** A caller whose calls are answered by `bytes` each, whole at once. */
function answered(bytes: number, ...pairs: readonly [number, number][]): Caller {
  const caller = new Caller({
    onWhole: ({ stream }) =>
      stream.answer({
        head: okHead,
        message: Buffer.alloc(bytes, stream.id),
        trailers: okTrailers,
      }),
  });
  return caller.greet(...pairs);
}

function dataBytes(frames: readonly Frame[], stream?: number): number {
  return frames
    .filter((each) => each.type === type.data && (stream ?? each.stream) === each.stream)
    .reduce((sum, each) => sum + each.payload.length, 0);
}

const isLast = { isLast: true };
const ends = (frames: readonly Frame[]): number[] =>
  frames
    .filter((each) => each.type === type.headers && (each.flags & flag.endStream) !== 0)
    .map((each) => each.stream);

test("a reply stops at the window of its stream, and goes on as far as it is opened", () => {
  const caller = answered(1_000, [setting.window, 400]);
  caller.say(headers(1, isLast));
  expect(dataBytes(caller.heard())).toBe(400);
  caller.say(windowUpdate(1, 599));
  const second = caller.heard();
  expect([dataBytes(second), ends(second)]).toEqual([599, []]);
  caller.say(windowUpdate(1, 1));
  const third = caller.heard();
  expect([dataBytes(third), ends(third)]).toEqual([1, [1]]);
});

test("a reply that just fits is followed by its status without more room", () => {
  const caller = answered(400, [setting.window, 400]);
  caller.say(headers(1, isLast));
  const heard = caller.heard();
  expect([dataBytes(heard), ends(heard)]).toEqual([400, [1]]);
});

test("a window of one byte carries a reply byte by byte", () => {
  const caller = answered(50, [setting.window, 0]);
  caller.say(headers(1, isLast));
  for (let byte = 1; byte <= 50; byte += 1) {
    caller.say(windowUpdate(1, 1));
    const heard = caller.heard();
    expect([dataBytes(heard), ends(heard)]).toEqual([1, byte === 50 ? [1] : []]);
  }
});

test("the window of the connection bounds all streams, who take turns", () => {
  const caller = answered(100_000, [setting.window, 1_000_000]);
  caller.say(headers(1, isLast), headers(3, isLast), headers(5, isLast));
  expect(dataBytes(caller.heard())).toBe(65_535);
  const turns = [1, 2, 3, 4].map(() => {
    caller.say(windowUpdate(0, 16_384));
    return caller.heard().map((each) => each.stream);
  });
  expect(turns).toEqual([[1], [3], [5], [1]]);
  caller.say(windowUpdate(0, 1_000_000));
  expect(ends(caller.heard()).sort()).toEqual([1, 3, 5]);
});

test("a stream whose window is shut moves on by its own bytes, another by those of all", () => {
  const caller = answered(100_000, [setting.window, 0]);
  caller.say(headers(1, isLast), headers(3, isLast));
  const progress = (): (number | undefined)[] =>
    [1, 3].map((id) => caller.calls.get(id)?.stream.progress);
  const atFirst = progress();
  caller.say(ping);
  expect(progress()).toEqual(atFirst);
  caller.say(windowUpdate(1, 65_535));
  const [own, others] = progress();
  expect([own === atFirst[0], others]).toEqual([false, atFirst[1]]);
  // The window of the connection is shut now, and both wait for it.
  caller.say(windowUpdate(1, 100), windowUpdate(3, 100));
  const [first, second] = progress();
  caller.say(ping);
  expect(progress()).toEqual([first, second]);
  caller.say(windowUpdate(0, 1));
  expect(progress().map((each, at) => each === [first, second][at])).toEqual([false, false]);
});

test("a smaller initial window makes windows negative, which must be filled first", () => {
  const caller = answered(1_000, [setting.window, 600]);
  caller.say(headers(1, isLast));
  expect(dataBytes(caller.heard())).toBe(600);
  caller.say(settings([setting.window, 100]));
  caller.say(windowUpdate(1, 500));
  expect(dataBytes(caller.heard())).toBe(0);
  caller.say(windowUpdate(1, 1));
  expect(dataBytes(caller.heard())).toBe(1);
  caller.say(settings([setting.window, 600]));
  const last = caller.heard();
  expect([dataBytes(last), ends(last)]).toEqual([399, [1]]);
});

test("what larger windows let through leaves behind the answer to the settings", () => {
  const caller = answered(1_000, [setting.window, 0]);
  caller.say(headers(1, isLast));
  caller.heard();
  caller.say(settings([setting.window, 5], [setting.window, 400]));
  const heard = caller.heard();
  expect(heard.map((each) => each.type)).toEqual([type.settings, type.data]);
  expect(dataBytes(heard)).toBe(400);
});

test("windows may not grow beyond 2^31 - 1, nor by nothing", () => {
  const cases: readonly [name: string, say: Buffer, stream: number, code: number][] = [
    ["stream, too large", windowUpdate(1, 2 ** 31 - 1), 1, errorCode.flowControl],
    ["stream, by nothing", windowUpdate(1, 0), 1, errorCode.protocol],
    ["connection, too large", windowUpdate(0, 2 ** 31 - 1), 0, errorCode.flowControl],
    ["connection, by nothing", windowUpdate(0, 0), 0, errorCode.protocol],
    ["initial", settings([setting.window, 2 ** 31]), 0, errorCode.flowControl],
  ];
  for (const [name, say, stream, code] of cases) {
    const caller = greeted();
    caller.say(headers(1));
    caller.heard();
    caller.say(say);
    const [first] = caller.heard();
    const at = stream === 0 ? 4 : 0;
    expect([name, first?.type, first?.payload.readUInt32BE(at)]).toEqual([
      ...[name, stream === 0 ? type.goAway : type.reset, code],
    ]);
  }
  const caller = greeted();
  caller.say(headers(1), windowUpdate(1, 2 ** 31 - 1 - 65_535));
  caller.say(settings([setting.window, 65_536]));
  expect(caller.farewell()).toBe(errorCode.flowControl);
});

test("whatever the windows, no more is sent than they allow, and in the end all of it", () => {
  const move = fc.record({
    kind: fc.constantFrom("connection", "stream", "initial"),
    stream: fc.integer({ min: 0, max: 3 }),
    bytes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 50_000 })),
  });
  const story = fc.record({
    first: fc.integer({ min: 0, max: 70_000 }),
    sizes: fc.array(fc.integer({ min: 5, max: 120_000 }), { minLength: 4, maxLength: 4 }),
    moves: fc.array(move, { maxLength: 30 }),
  });
  fc.assert(
    fc.property(story, ({ first, sizes, moves }) => {
      const caller = new Caller({
        onWhole: ({ stream }) => {
          const message = Buffer.alloc(sizes[(stream.id - 1) / 2] ?? 0, stream.id);
          stream.answer({ head: okHead, message, trailers: okTrailers });
        },
      }).greet([setting.window, first]);
      let initial = first;
      let connection = 65_535;
      const windows = sizes.map(() => first);
      const got = sizes.map(() => 0);
      const ended: number[] = [];
      const hear = (): void => {
        const heard = caller.heard();
        for (const { type: kind, stream, payload } of heard) {
          if (kind !== type.data) continue;
          const index = (stream - 1) / 2;
          connection -= payload.length;
          windows[index] = (windows[index] ?? 0) - payload.length;
          got[index] = (got[index] ?? 0) + payload.length;
          expect(payload.length).toBeGreaterThan(0);
          expect(Math.min(connection, windows[index] ?? 0)).toBeGreaterThanOrEqual(0);
        }
        ended.push(...ends(heard));
      };
      caller.say(...sizes.map((_, index) => headers(2 * index + 1, isLast)));
      hear();
      for (const { kind, stream, bytes } of moves) {
        if (kind === "connection") connection += bytes;
        else if (kind === "stream") windows[stream] = (windows[stream] ?? 0) + bytes;
        else {
          for (let at = 0; at < 4; at += 1) windows[at] = (windows[at] ?? 0) + bytes - initial;
          initial = bytes;
        }
        if (kind === "connection") caller.say(windowUpdate(0, bytes));
        else if (kind === "stream") caller.say(windowUpdate(2 * stream + 1, bytes));
        else caller.say(settings([setting.window, bytes]));
        hear();
      }
      for (let at = 0; at < 4; at += 1) windows[at] = (windows[at] ?? 0) + 1_000_000;
      connection += 1_000_000;
      for (let at = 0; at < 4; at += 1) caller.say(windowUpdate(2 * at + 1, 1_000_000));
      caller.say(windowUpdate(0, 1_000_000));
      hear();
      expect(got).toEqual(sizes);
      expect(ended.sort()).toEqual([1, 3, 5, 7]);
    }),
    { numRuns: 300 },
  );
});

const piece = Buffer.alloc(16_384, 7);
const windowPieces = streamWindowBytes / piece.length;

test("a stream that is not read may send its window and not a byte more", () => {
  const caller = greeted({ onCall: ({ stream }) => stream.pause() });
  caller.say(headers(1));
  for (let count = 0; count < windowPieces; count += 1) caller.say(data(1, piece));
  expect(caller.heard()).toEqual([]);
  caller.say(data(1, "x"));
  const [first] = caller.heard();
  expect([first?.type, first?.payload.readUInt32BE(0)]).toEqual([
    ...[type.reset, errorCode.flowControl],
  ]);
  expect(caller.call(1).isClosed).toBe(true);
});

test("what was read is given back at half a window, and nothing once all was sent", () => {
  const caller = greeted();
  caller.say(headers(1));
  for (let count = 1; count < windowPieces / 2; count += 1) caller.say(data(1, piece));
  expect(caller.heard()).toEqual([]);
  caller.say(data(1, piece));
  expect(caller.heard()).toEqual([
    { type: type.windowUpdate, flags: 0, stream: 1, payload: Buffer.from([0, 8, 0, 0]) },
  ]);
  for (let count = 1; count < windowPieces / 2; count += 1) caller.say(data(1, piece));
  caller.say(data(1, piece, isLast));
  expect(caller.heard().map((each) => each.stream)).toEqual([]);
  expect(Buffer.concat(caller.call(1).chunks).length).toBe(streamWindowBytes);
});

test("one stream that is not read holds no other up", () => {
  const caller = greeted({
    onCall: ({ stream }) => {
      if (stream.id < 9) stream.pause();
    },
  });
  for (const id of [1, 3, 5, 7]) {
    caller.say(headers(id));
    for (let count = 0; count < windowPieces; count += 1) caller.say(data(id, piece));
  }
  // 4 MiB lie here unread; the window of the connection was given back all the same.
  const given = caller.heard().filter((each) => each.stream === 0);
  expect(given.map((each) => each.payload.readUInt32BE(0))).toEqual([2 ** 21, 2 ** 21]);
  caller.say(headers(9), data(9, "heard"));
  expect(String(Buffer.concat(caller.call(9).chunks))).toBe("heard");
  caller.call(1).stream.resume();
  expect(Buffer.concat(caller.call(1).chunks).length).toBe(streamWindowBytes);
});

test("padding counts in the windows and is given back, also where there is nothing else", () => {
  const caller = greeted();
  caller.say(headers(1));
  const padding = data(1, "", { padBytes: 255 });
  for (let count = 0; count < 4_000; count += 1) caller.say(padding);
  const given = caller.heard().filter((each) => each.stream === 1);
  expect(given.length).toBe(1);
  expect(given[0]?.payload.readUInt32BE(0)).toBeGreaterThanOrEqual(streamWindowBytes / 2);
  expect(caller.call(1).chunks).toEqual([]);
});

test("padding is no content, and may not be longer than its frame", () => {
  const caller = greeted();
  caller.say(headers(1), data(1, "abc", { padBytes: 0 }), data(1, "de", { padBytes: 200 }));
  expect(String(Buffer.concat(caller.call(1).chunks))).toBe("abcde");
  for (const payload of [[], [1], [5, 1, 2, 3, 4], [255]]) {
    const other = greeted();
    other.say(headers(1));
    other.heard();
    const bytes = frame(type.data, Buffer.from(payload), { flags: flag.padded, stream: 1 });
    other.say(bytes);
    expect([payload, other.farewell()]).toEqual([payload, errorCode.protocol]);
  }
});

test("a body is as long as its content-length, or its stream is reset", () => {
  const own = { ":method": "POST", ":scheme": "http", ":path": "/", "content-length": "3" };
  const bodies: readonly [Buffer[], boolean][] = [
    [[data(1, "abc", isLast)], true],
    [[data(1, "a"), data(1, "bc"), data(1, "", isLast)], true],
    [[data(1, "ab", isLast)], false],
    [[data(1, "abcd")], false],
    [[data(1, "ab"), headers(1, { fields: { x: "1" }, isLast: true })], false],
  ];
  for (const [frames, isFit] of bodies) {
    const caller = greeted();
    caller.say(headers(1, { fields: own }), ...frames);
    const resets = caller.heard().filter((each) => each.type === type.reset);
    expect(resets.length).toBe(isFit ? 0 : 1);
    expect(caller.call(1).isHalfClosed).toBe(isFit);
  }
});
