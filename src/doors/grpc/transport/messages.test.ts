// Goal: messages come out as they were sent, however their bytes were cut, and one over the limit
// is refused before it is kept. Method: random messages in random pieces; edges by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { MessageCutter } from "./messages.ts";

function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

interface Cut {
  readonly messages: [Buffer, boolean][];
  readonly cutter: MessageCutter;
}

function cutter(bytesMax: number): Cut {
  const messages: [Buffer, boolean][] = [];
  const sink = {
    message: (bytes: Buffer, isCompressed: boolean) => {
      messages.push([Buffer.from(bytes), isCompressed]);
    },
  };
  return { messages, cutter: new MessageCutter(sink, bytesMax) };
}

test("gives every message whole, in order, whatever the pieces", () => {
  const message = fc.tuple(fc.uint8Array({ maxLength: 40_000, size: "max" }), fc.boolean());
  const input = fc.record({
    messages: fc.array(message, { maxLength: 4 }),
    pieces: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 }),
  });
  fc.assert(
    fc.property(input, ({ messages, pieces }) => {
      const bytes = Buffer.concat(messages.map(([each, flag]) => frame(each, flag ? 1 : 0)));
      const { messages: got, cutter: one } = cutter(40_000);
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = pieces[turn % pieces.length] as number;
        one.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(one.isBetween).toBe(true);
      expect(got).toEqual(messages.map(([each, flag]) => [Buffer.from(each), flag]));
    }),
    { numRuns: 60 },
  );
});

test("takes a message of the limit, and refuses one byte more at its prefix", () => {
  for (const length of [99, 100]) {
    const { messages, cutter: one } = cutter(100);
    one.push(frame(Buffer.alloc(length)));
    expect(messages[0]?.[0]).toHaveLength(length);
  }
  const { cutter: one } = cutter(100);
  const refused = (): void => one.push(frame(Buffer.alloc(101)).subarray(0, 5));
  expect(refused).toThrow("the message has 101 bytes; the limit is 100 (grpcMessageBytesMax)");
});

test("refuses a flag that there is not", () => {
  const { cutter: one } = cutter(100);
  try {
    one.push(frame(Buffer.alloc(1), 2));
    throw new Error("accepted");
  } catch (thrown) {
    expect(ServingError.from(thrown).code).toBe("INVALID_REQUEST");
  }
});

test("is not between two messages while one is on its way", () => {
  const { cutter: one } = cutter(100);
  one.push(Buffer.from([0, 0]));
  expect(one.isBetween).toBe(false);
  one.push(Buffer.from([0, 0, 2, 7]));
  expect(one.isBetween).toBe(false);
  one.push(Buffer.from([7]));
  expect(one.isBetween).toBe(true);
});

test("a size without a body takes no room", () => {
  const before = process.memoryUsage().arrayBuffers;
  const held = Array.from({ length: 200 }, () => {
    const { cutter: one } = cutter(2 ** 26);
    one.push(Buffer.from([0, 3, 255, 255, 255, 1]));
    return one;
  });
  expect(held).toHaveLength(200);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
});
