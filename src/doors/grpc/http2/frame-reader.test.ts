// Goal: frames are the same wherever the network cuts them. Method: a stream of frames by hand, cut
// at random places, against the frames that were written.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionFault } from "./fault.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { frameHeadBytes, frameType, writeFrameHead } from "./frames.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

class Seen implements FrameSink {
  readonly isOver = false;
  readonly all: string[] = [];
  #data = "";

  frame(head: { type: number; stream: number; length: number }, bytes: Buffer, at: number): void {
    const payload = bytes.toString("hex", at, at + head.length);
    this.all.push(`${head.type} ${head.stream} ${payload}`);
  }

  dataBegins(head: { stream: number }): void {
    this.#data = `${frameType.data} ${head.stream} `;
  }

  dataPart(bytes: Buffer, at: number, end: number): void {
    this.#data += bytes.toString("hex", at, end);
  }

  dataEnds(): void {
    this.all.push(this.#data);
  }
}

function frameOf(type: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes + payload.length);
  writeFrameHead(bytes, 0, { type, flags: 0, stream, length: payload.length });
  bytes.set(payload, frameHeadBytes);
  return bytes;
}

test("frames are the same wherever they are cut", () => {
  const frame = fc.tuple(
    fc.integer({ min: 0, max: 9 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.uint8Array({ maxLength: 40 }),
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(frame), cuts, (frames, sizes) => {
      const bytes = Buffer.concat([preface, ...frames.map((each) => frameOf(...each))]);
      const seen = new Seen();
      const reader = new FrameReader(seen);
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        reader.push(bytes.subarray(at, at + size));
        at += size;
      }
      const wanted = frames.map(
        ([type, stream, payload]) => `${type} ${stream} ${Buffer.from(payload).toString("hex")}`,
      );
      expect(seen.all).toEqual(wanted);
    }),
  );
});

test("another protocol, and a frame over the limit, end the connection", () => {
  expect(() => new FrameReader(new Seen()).push(Buffer.from("GET / "))).toThrow(ConnectionFault);
  const reader = new FrameReader(new Seen());
  reader.push(preface);
  reader.push(frameOf(frameType.data, 1, Buffer.alloc(16_384)));
  expect(() => reader.push(frameOf(frameType.data, 1, Buffer.alloc(16_385)))).toThrow("16385");
});
