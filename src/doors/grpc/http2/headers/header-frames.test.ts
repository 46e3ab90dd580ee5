// Goal: header blocks are read the same however they are cut into frames, and one that is broken,
// endless or interrupted ends its connection. Method: frames by hand; random cuts.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  block,
  callFields,
  data,
  flag,
  frame,
  headers,
  ping,
  type,
} from "../../../../../test/support/http2-frames.ts";
import { type Caller, greeted } from "../../../../../test/support/http2-rig.ts";
import { errorCode } from "../fault.ts";

const { protocol, calm, compression } = errorCode;

/** A block in several frames, the first of them HEADERS. */
function split(stream: number, parts: readonly Buffer[], isLast = false): Buffer[] {
  return parts.map((part, index) => {
    const ends = index === parts.length - 1 ? flag.endHeaders : 0;
    const last = index === 0 && isLast ? flag.endStream : 0;
    const kind = index === 0 ? type.headers : type.continuation;
    return frame(kind, part, { flags: ends | last, stream });
  });
}

function farewellTo(bytes: readonly Buffer[]): number | undefined {
  const caller = greeted();
  caller.say(...bytes);
  return caller.farewell();
}

test("a block is the same in however many frames, and its end of stream counts", () => {
  const bytes = block({ ...callFields, "x-long": "v".repeat(500) });
  const cuts = fc.array(fc.nat(bytes.length), { maxLength: 20 });
  fc.assert(
    fc.property(cuts, fc.boolean(), (places, isLast) => {
      const edges = [0, ...places.sort((a, b) => a - b), bytes.length];
      const parts = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
      const caller = greeted();
      for (const each of split(1, parts, isLast)) caller.say(each);
      expect(caller.call(1).head.headers["x-long"]).toBe("v".repeat(500));
      expect(caller.call(1).head.headers[":path"]).toBe("/a.B/C");
      expect(caller.call(1).isHalfClosed).toBe(isLast);
      caller.say(headers(3));
      expect(caller.calls.size).toBe(2);
    }),
    { numRuns: 200 },
  );
});

test("trailers may come in several frames", () => {
  const caller = greeted();
  caller.say(headers(1), data(1, "body"));
  const bytes = block({ "x-sum": "1", "x-more": "2" });
  caller.say(...split(1, [bytes.subarray(0, 3), bytes.subarray(3)], true));
  expect([caller.call(1).isHalfClosed, caller.heard()]).toEqual([true, []]);
});

const open = frame(type.headers, block({ ":method": "POST" }), { stream: 1 });
const more = (stream: number, flags = 0): Buffer =>
  frame(type.continuation, block({ x: "1" }), { flags, stream });

test.each<[string, Buffer[]]>([
  ["a CONTINUATION of no block", [more(1)]],
  ["a CONTINUATION behind a whole block", [headers(1), more(1)]],
  ["a CONTINUATION of another stream", [open, more(3)]],
  ["a PING inside a block", [open, ping]],
  ["DATA inside a block", [open, data(1, "x")]],
  ["HEADERS inside a block", [open, headers(3)]],
  ["a frame that nobody knows inside a block", [open, frame(0x77)]],
  ["a CONTINUATION behind the end of a block", [open, more(1, flag.endHeaders), more(1)]],
])("%s ends the connection", (_, bytes) => {
  expect(farewellTo(bytes)).toBe(protocol);
});

test("a block without an end is bounded by its bytes and by its frames", () => {
  const part = Buffer.alloc(16_000, 0x40);
  const large = Array.from({ length: 5 }, () => frame(type.continuation, part, { stream: 1 }));
  expect(farewellTo([open, ...large])).toBe(calm);
  const empty = frame(type.continuation, Buffer.alloc(0), { stream: 1 });
  expect(farewellTo([open, ...new Array<Buffer>(9_000).fill(empty)])).toBe(undefined);
  expect(farewellTo([open, ...new Array<Buffer>(10_100).fill(empty)])).toBe(calm);
});

test("a block of the largest size is read, and the one behind it is whole", () => {
  const caller = greeted();
  const bytes = block({ ...callFields, "x-long": "v".repeat(60_000) });
  const parts = Array.from({ length: 4 }, (_, index) =>
    bytes.subarray(16_000 * index, 16_000 * (index + 1)),
  );
  caller.say(...split(1, parts));
  const { head } = caller.call(1);
  expect([head.headers["x-long"], head.bytes > 60_000]).toEqual([undefined, true]);
  caller.say(headers(3));
  expect(caller.call(3).head.headers[":path"]).toBe("/a.B/C");
});

function withPadding(padBytes: number, content: Buffer, padding: number, flags = 0): Caller {
  const caller = greeted();
  const payload = Buffer.concat([Buffer.from([padBytes]), content, Buffer.alloc(padding)]);
  caller.say(
    frame(type.headers, payload, {
      flags: flag.endHeaders | flag.padded | flags,
      stream: 1,
    }),
  );
  return caller;
}

test("padding and priority are no part of the block, and may not be more than the frame", () => {
  const bytes = block(callFields);
  expect(withPadding(3, bytes, 3).calls.size).toBe(1);
  const ordered = Buffer.concat([Buffer.from([0, 0, 0, 3, 16]), bytes]);
  expect(withPadding(0, ordered, 0, flag.priority).calls.size).toBe(1);
  const itself = Buffer.concat([Buffer.from([0, 0, 0, 1, 16]), bytes]);
  expect(withPadding(0, itself, 0, flag.priority).farewell()).toBe(protocol);
  expect(withPadding(200, Buffer.from([0x82]), 0).farewell()).toBe(protocol);
  expect(withPadding(1, Buffer.alloc(0), 0).farewell()).toBe(protocol);
  expect(withPadding(0, Buffer.alloc(4), 0, flag.priority).farewell()).toBe(protocol);
  const none = frame(type.headers, Buffer.alloc(0), {
    ...{ flags: flag.endHeaders | flag.padded, stream: 1 },
  });
  expect(farewellTo([none])).toBe(protocol);
});

test("a block that cannot be read ends the connection, also on a stream that nobody wants", () => {
  const broken = Buffer.from([0x80]);
  const bad = (stream: number): Buffer =>
    frame(type.headers, broken, { flags: flag.endHeaders, stream });
  expect(farewellTo([bad(1)])).toBe(compression);
  const caller = greeted();
  caller.say(headers(1));
  caller.call(1).stream.reset(errorCode.cancel);
  caller.say(bad(1));
  expect(caller.farewell()).toBe(compression);
});

test("a request that says what it may not is reset, and its connection goes on", () => {
  const { ":path": _, ...pathless } = callFields;
  const wrong: Readonly<Record<string, string>>[] = [
    pathless,
    { ...callFields, connection: "close" },
    { ...callFields, "X-Upper": "1" },
    { ...callFields, "x-line": "a\nb" },
    { ...callFields, "x-nul": "\0" },
    { ...callFields, "": "no name" },
    { ...callFields, te: "gzip" },
    { ...callFields, ":status": "200" },
    { ...callFields, "content-length": "1e3" },
    { ...callFields, "content-length": "0x10" },
    { ...callFields, "content-length": " 5" },
    { ...callFields, "content-length": "" },
    { ...callFields, "content-length": "99999999999999999999" },
  ];
  for (const fields of wrong) {
    const caller = greeted();
    caller.say(headers(1, { fields }), headers(3));
    const [first] = caller.heard();
    expect([fields, first?.type, first?.payload]).toEqual([
      ...[fields, type.reset, Buffer.from([0, 0, 0, protocol])],
    ]);
    expect([...caller.calls.keys()]).toEqual([3]);
  }
});
