// Goal: whatever a caller sends, the stream or the connection that it spoils ends with the right
// code and nothing else does; floods are ended, what callers do for good reasons is not.
// Method: frames by hand over a socket in memory, a fake clock.
import { expect, test } from "vitest";
import {
  block,
  data,
  flag,
  frame,
  goAway,
  headers,
  ping,
  preface,
  reset,
  settings,
  settingsAck,
  type,
  windowUpdate,
} from "../../../../test/support/http2-frames.ts";
import {
  Caller,
  greeted,
  okHead,
  okTrailers,
  testLimits,
} from "../../../../test/support/http2-rig.ts";
import { errorCode } from "./fault.ts";

const isLast = { isLast: true };
const { protocol, streamClosed, calm, flowControl, frameSize, refused } = errorCode;

/** A caller whose calls are answered once they are whole. */
function answering(): Caller {
  const caller = new Caller({
    onWhole: ({ stream }) =>
      stream.answer({ head: okHead, message: Buffer.from("reply"), trailers: okTrailers }),
  });
  return caller.greet();
}

/** `GOAWAY code`, `RST id code`, or nothing for each frame that says so. */
function complaints(caller: Caller): string[] {
  return caller.heard().flatMap(({ type: kind, stream, payload }) => {
    if (kind === type.goAway) return [`GOAWAY ${payload.readUInt32BE(4)}`];
    return kind === type.reset ? [`RST ${stream} ${payload.readUInt32BE(0)}`] : [];
  });
}

test("both sides say their settings first, and the caller's are answered", () => {
  const caller = new Caller();
  const [first, second] = caller.heard();
  expect([first?.type, second?.type, second?.stream]).toEqual([
    ...[type.settings, type.windowUpdate, 0],
  ]);
  caller.say(preface.subarray(0, 10));
  caller.say(preface.subarray(10));
  expect(caller.isGreeted).toBe(false);
  caller.say(settings());
  expect(caller.isGreeted).toBe(true);
  expect(caller.heard()).toMatchObject([{ type: type.settings, flags: flag.ack }]);
});

test.each([
  ["another protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["a ping", Buffer.concat([preface, ping])],
  ["a call", Buffer.concat([preface, headers(1)])],
  ["DATA", Buffer.concat([preface, data(1, "x")])],
  ["a CONTINUATION", Buffer.concat([preface, frame(type.continuation, block({}), { stream: 1 })])],
  ["an answer to settings", Buffer.concat([preface, settingsAck])],
])("a connection that begins with %s ends", (_, bytes) => {
  const caller = new Caller();
  caller.say(bytes, ping, ping);
  expect(complaints(caller)).toEqual([`GOAWAY ${protocol}`]);
  expect([caller.socket.destroyed, caller.closes, caller.calls.size]).toEqual([true, 1, 0]);
});

/** What is wrong on a connection where 1 is open, 3 half closed, 5 ended, 7 reset here. */
const wrongs: readonly [name: string, bytes: Buffer, says: string[]][] = [
  ["DATA on stream 0", data(0, "x"), [`GOAWAY ${protocol}`]],
  ["DATA on an idle stream", data(9, "x"), [`GOAWAY ${protocol}`]],
  ["DATA on a half-closed stream", data(3, "x"), [`RST 3 ${streamClosed}`]],
  ["DATA on an ended stream", data(5, "x"), [`RST 5 ${streamClosed}`]],
  [
    "DATA on an ended stream, twice",
    Buffer.concat([data(5, ""), data(5, "")]),
    [...[`RST 5 ${streamClosed}`]],
  ],
  ["DATA on a stream that was reset", data(7, "x", isLast), []],
  ["HEADERS on stream 0", headers(0), [`GOAWAY ${protocol}`]],
  ["HEADERS on an even stream", headers(2), [`GOAWAY ${protocol}`]],
  ["HEADERS on a half-closed stream", headers(3, isLast), [`GOAWAY ${streamClosed}`]],
  ["HEADERS on an ended stream", headers(5, isLast), [`GOAWAY ${streamClosed}`]],
  ["HEADERS on a stream that was reset", headers(7, isLast), []],
  ["trailers without an end", headers(1, { fields: { x: "1" } }), [`RST 1 ${protocol}`]],
  ["trailers with a path", headers(1, isLast), [`RST 1 ${protocol}`]],
  ["RST_STREAM on stream 0", reset(0), [`GOAWAY ${protocol}`]],
  ["RST_STREAM on an idle stream", reset(9), [`GOAWAY ${protocol}`]],
  ["RST_STREAM on an ended stream", reset(5), []],
  [
    "RST_STREAM of 3 bytes",
    frame(type.reset, Buffer.alloc(3), { stream: 1 }),
    [...[`GOAWAY ${frameSize}`]],
  ],
  ["WINDOW_UPDATE on an idle stream", windowUpdate(9, 1), [`GOAWAY ${protocol}`]],
  ["WINDOW_UPDATE on an ended stream", windowUpdate(5, 1), []],
  [
    "WINDOW_UPDATE of 5 bytes",
    frame(type.windowUpdate, Buffer.alloc(5)),
    [...[`GOAWAY ${frameSize}`]],
  ],
  [
    "SETTINGS on a stream",
    frame(type.settings, Buffer.alloc(0), { stream: 1 }),
    [...[`GOAWAY ${protocol}`]],
  ],
  ["SETTINGS of 5 bytes", frame(type.settings, Buffer.alloc(5)), [`GOAWAY ${frameSize}`]],
  [
    "an answer to settings of 6 bytes",
    frame(type.settings, Buffer.alloc(6), { flags: 1 }),
    [...[`GOAWAY ${frameSize}`]],
  ],
  ["a push setting of 2", settings([2, 2]), [`GOAWAY ${protocol}`]],
  ["frames of less than 16 KiB", settings([5, 16_383]), [`GOAWAY ${protocol}`]],
  ["frames of more than 16 MiB", settings([5, 2 ** 24]), [`GOAWAY ${protocol}`]],
  ["a setting that nobody knows", settings([99, 2 ** 31]), []],
  ["a window of 2^31", settings([4, 2 ** 31]), [`GOAWAY ${flowControl}`]],
  ["33 settings", settings(...new Array(33).fill([99, 0])), [`GOAWAY ${calm}`]],
  ["PING on a stream", frame(type.ping, Buffer.alloc(8), { stream: 1 }), [`GOAWAY ${protocol}`]],
  ["PING of 7 bytes", frame(type.ping, Buffer.alloc(7)), [`GOAWAY ${frameSize}`]],
  ["an answer to no PING", frame(type.ping, Buffer.alloc(8), { flags: 1 }), []],
  [
    "GOAWAY on a stream",
    frame(type.goAway, Buffer.alloc(8), { stream: 1 }),
    [...[`GOAWAY ${protocol}`]],
  ],
  ["GOAWAY of 7 bytes", frame(type.goAway, Buffer.alloc(7)), [`GOAWAY ${frameSize}`]],
  ["PRIORITY on stream 0", frame(type.priority, Buffer.alloc(5)), [`GOAWAY ${protocol}`]],
  [
    "PRIORITY of 4 bytes",
    frame(type.priority, Buffer.alloc(4), { stream: 1 }),
    [...[`RST 1 ${frameSize}`]],
  ],
  [
    "PRIORITY on itself",
    frame(type.priority, Buffer.from([0, 0, 0, 1, 0]), { stream: 1 }),
    [...[`GOAWAY ${protocol}`]],
  ],
  ["PRIORITY on an idle stream", frame(type.priority, Buffer.alloc(5), { stream: 11 }), []],
  ["a push", frame(type.push, Buffer.alloc(4), { stream: 1 }), [`GOAWAY ${protocol}`]],
  ["a frame that nobody knows", frame(0x77, Buffer.alloc(100), { flags: 255, stream: 4 }), []],
  ["a frame of 16,385 bytes", frame(0x77, Buffer.alloc(16_385)), [`GOAWAY ${frameSize}`]],
];

test.each(wrongs)("%s", (_, bytes, says) => {
  const caller = greeted();
  caller.say(headers(1), headers(3, isLast), headers(5, isLast), headers(7));
  caller.call(5).stream.answer({ head: okHead, message: Buffer.from("x"), trailers: okTrailers });
  caller.call(7).stream.reset(errorCode.cancel);
  caller.clock.advance(0);
  caller.heard();
  caller.say(bytes);
  expect(complaints(caller)).toEqual(says);
  const hasEnded = says.some((each) => each.startsWith("GOAWAY"));
  expect([caller.socket.destroyed, caller.closes]).toEqual([hasEnded, hasEnded ? 1 : 0]);
  const open = [...caller.calls.values()].filter((each) => !each.isClosed);
  const isSpoilt = (id: number): boolean => says.some((each) => each.startsWith(`RST ${id} `));
  const left = hasEnded ? [] : [1, 3].filter((id) => !isSpoilt(id));
  expect(open.map((each) => each.stream.id)).toEqual(left);
});

test("a caller who gives a call up is heard once, also after the end of its body", () => {
  const caller = greeted();
  caller.say(headers(1), headers(3, isLast), reset(1), reset(3), reset(1));
  expect([caller.call(1).isClosed, caller.call(3).isClosed]).toEqual([true, true]);
  expect(complaints(caller)).toEqual([]);
  caller.call(3).stream.answer({ head: okHead, message: Buffer.from("x"), trailers: okTrailers });
  caller.clock.advance(0);
  expect(caller.heard()).toEqual([]);
});

test("streams over the limit are refused, and their bodies dropped", () => {
  const caller = greeted({ limits: { http2StreamsMax: 2 } });
  caller.say(headers(1), headers(3), headers(5), data(5, "body", isLast));
  expect(complaints(caller)).toEqual([`RST 5 ${refused}`]);
  expect([...caller.calls.keys()]).toEqual([1, 3]);
  caller.say(reset(1), headers(7));
  expect([...caller.calls.keys()]).toEqual([1, 3, 7]);
});

test("20,000 calls that end by an empty DATA frame are no flood", () => {
  const caller = answering();
  caller.say(windowUpdate(0, 2 ** 30));
  for (let id = 1; id < 40_000; id += 2) {
    caller.say(headers(id), data(id, "one"), data(id, "", isLast));
  }
  expect([complaints(caller).slice(0, 3), caller.closes]).toEqual([[], 0]);
});

const idle = { flags: 0, stream: 1 };
const floods: readonly [name: string, bytes: Buffer][] = [
  ["empty DATA", data(1, "")],
  ["padding", data(1, "", { padBytes: 9 })],
  ["empty ends of streams that are over", data(3, "", isLast)],
  ["priorities", frame(type.priority, Buffer.alloc(5), idle)],
  ["frames that nobody knows", frame(0x77, Buffer.alloc(0), idle)],
  ["settings", settings()],
  ["answers to settings", settingsAck],
  ["answers to pings", frame(type.ping, Buffer.alloc(8), { flags: flag.ack })],
  ["farewells", goAway()],
];

test.each(floods)("a flood of %s ends the connection", (_, bytes) => {
  const caller = greeted();
  caller.say(headers(1), headers(3), reset(3));
  for (let count = 0; count < 10_000 - 10; count += 1) caller.say(bytes);
  expect(caller.closes).toBe(0);
  for (let count = 0; count < 20; count += 1) caller.say(bytes);
  expect(complaints(caller).at(-1)).toBe(`GOAWAY ${calm}`);
  expect([caller.closes, caller.call(1).isClosed]).toEqual([1, true]);
});

test("a flood of pings ends the connection when their answers are not read, and only then", () => {
  const caller = greeted();
  for (let count = 0; count < 20_000; count += 1) caller.say(ping);
  expect([caller.closes, caller.heard().length]).toEqual([0, 20_000]);
  caller.socket.roomBytes = 0;
  for (let count = 0; count < 1_000; count += 1) caller.say(ping);
  expect(caller.closes).toBe(0);
  caller.say(ping);
  expect(caller.closes).toBe(1);
});

test.each([
  ["before", greeted],
  ["after", answering],
])("calls that are reset %s they are answered end the connection at the 1,001st", (_, open) => {
  const caller = open();
  caller.say(windowUpdate(0, 2 ** 30));
  for (let count = 0; count < 1_000; count += 1) {
    const id = 2 * count + 1;
    caller.say(headers(id, isLast), reset(id));
  }
  expect([caller.closes, caller.calls.size]).toEqual([0, 1_000]);
  caller.say(headers(2_001, isLast), reset(2_001));
  expect(complaints(caller)).toEqual([`GOAWAY ${calm}`]);
});

test("a caller who says farewell is answered what is open, and then the connection ends", () => {
  const caller = answering();
  caller.say(headers(1), goAway());
  expect(caller.socket.destroyed).toBe(false);
  caller.say(data(1, "", isLast), headers(3), ping);
  expect([caller.socket.destroyed, [...caller.calls.keys()]]).toEqual([true, [1]]);
  expect(caller.heard().map((each) => each.type)).toEqual([
    ...[type.headers, type.data, type.headers],
  ]);
});

test("a drain first asks, then takes nothing more, answers what is open, and ends", () => {
  const caller = answering();
  caller.say(headers(1));
  caller.connection.announceClose();
  caller.say(headers(3));
  caller.connection.close();
  caller.say(headers(5), data(5, "late", isLast), windowUpdate(5, 1), reset(5));
  const words = caller.heard().filter((each) => each.type === type.goAway);
  expect(words.map((each) => each.payload.readUInt32BE(0))).toEqual([2 ** 31 - 1, 3]);
  expect([...caller.calls.keys()]).toEqual([1, 3]);
  caller.say(data(1, "", isLast), data(3, "", isLast));
  expect(caller.heard().filter((each) => each.type === type.data).length).toBe(2);
  expect([caller.socket.destroyed, caller.closes]).toEqual([true, 1]);
});

test("a caller who sends no more has left: its calls end at once", () => {
  const caller = greeted();
  caller.socket.roomBytes = 0;
  caller.say(headers(1, isLast));
  caller.socket.emit("end");
  expect([caller.call(1).isClosed, caller.closes]).toEqual([true, 1]);
});

test("a frame or a block of headers has its time from its first byte, however it drips", () => {
  const { headersReadMsMax } = testLimits;
  const bytes = headers(1);
  const starts: Buffer[] = [
    bytes.subarray(0, 4),
    bytes.subarray(0, 20),
    frame(type.headers, block({ ":method": "POST" }), { stream: 1 }),
  ];
  for (const start of starts) {
    const caller = greeted();
    caller.say(start);
    const isBlock = start === starts[2];
    const drop = frame(type.continuation, Buffer.alloc(0), { stream: 1 });
    for (let ms = 0; ms < headersReadMsMax - 1_000; ms += 1_000) {
      caller.clock.advance(1_000);
      if (isBlock) caller.say(drop);
    }
    caller.clock.advance(999);
    expect(caller.closes).toBe(0);
    caller.clock.advance(1);
    expect([caller.closes, caller.limitHits]).toEqual([1, ["headersReadMsMax"]]);
  }
});

test("a busy caller whose frames are always cut has all the time of each anew", () => {
  const caller = greeted();
  const bytes = Buffer.concat([ping, ping, ping, ping]);
  let at = 0;
  for (let ms = 0; ms < 60_000; ms += 1_000) {
    caller.say(bytes.subarray(at, at + 16));
    at = (at + 16) % 17;
    caller.say(bytes.subarray(at, at + 1 + ((17 - at - 1) % 17)));
    at = 0;
    caller.say(ping.subarray(0, 5));
    caller.clock.advance(1_000);
    caller.say(ping.subarray(5));
  }
  expect([caller.closes, caller.limitHits]).toEqual([0, []]);
});

test("who reads nothing is cut after its time, and nothing is read from it before", () => {
  const caller = greeted();
  caller.socket.roomBytes = 0;
  const reply = { head: okHead, message: Buffer.alloc(60_000), trailers: okTrailers };
  caller.say(windowUpdate(0, 2 ** 30));
  for (let id = 1; id < 200; id += 2) {
    caller.say(headers(id, isLast));
    caller.calls.get(id)?.stream.answer(reply);
  }
  caller.clock.advance(0);
  expect(caller.socket.writableLength).toBeLessThan(2_200_000);
  caller.clock.advance(testLimits.replyReadMsMax);
  expect([caller.closes, caller.limitHits]).toEqual([1, ["replyReadMsMax"]]);
});

test("who takes a large write in small steps is not cut, and is once it stops", () => {
  const caller = greeted();
  caller.socket.roomBytes = 0;
  const reply = { head: okHead, message: Buffer.alloc(60_000), trailers: okTrailers };
  caller.say(headers(1, isLast));
  caller.calls.get(1)?.stream.answer(reply);
  caller.clock.advance(0);
  for (let step = 0; step < 10; step += 1) {
    caller.socket.take(1);
    caller.clock.advance(testLimits.replyReadMsMax);
  }
  expect(caller.closes).toBe(0);
  caller.clock.advance(testLimits.replyReadMsMax);
  expect([caller.closes, caller.limitHits]).toEqual([1, ["replyReadMsMax"]]);
});
