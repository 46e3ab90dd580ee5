// Goal: messages are delivered in order, compressed or not, one is inflated at a time, and a caller
// who sends faster than that is not read. Method: chunks by hand into a sink that remembers.
import { deflateSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { defaultLimits, ServingError } from "../../../base/index.ts";
import { Incoming, type IncomingSink } from "./incoming.ts";

class Seen implements IncomingSink {
  isEnded = false;
  readonly messages: string[] = [];
  readonly holds: boolean[] = [];
  readonly ended = Promise.withResolvers<string>();
  #refused: string | undefined;

  constructor(refused?: string) {
    this.#refused = refused;
  }

  deliver(bytes: Buffer): void {
    if (String(bytes) === this.#refused) throw new ServingError("INVALID_INPUT", "refused");
    this.messages.push(String(bytes));
  }

  requestIsWhole(): void {
    this.ended.resolve("whole");
  }

  fail(thrown: unknown): void {
    this.isEnded = true;
    this.ended.resolve(ServingError.from(thrown).code);
  }

  holdBack(isHeld: boolean): void {
    this.holds.push(isHeld);
  }
}

function message(text: string, pack?: (bytes: Buffer) => Buffer): Buffer {
  const bytes = pack === undefined ? Buffer.from(text) : pack(Buffer.from(text));
  const head = Buffer.alloc(5);
  head[0] = pack === undefined ? 0 : 1;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function take(sink: Seen, chunk: Buffer, encoding: "gzip" | "deflate" = "gzip"): Incoming {
  const incoming = new Incoming(sink, { encoding, limits: defaultLimits });
  incoming.take(chunk, 0, chunk.length);
  return incoming;
}

const gzip = (bytes: Buffer): Buffer => gzipSync(bytes);

test("messages come in their order, whichever of them are compressed", async () => {
  const sink = new Seen();
  const texts = Array.from({ length: 60 }, (_, index) => `${index} ${"x".repeat(7 * index)}`);
  const parts = texts.map((text, index) => message(text, index % 3 === 0 ? undefined : gzip));
  take(sink, Buffer.concat(parts)).halfClose();
  expect(await sink.ended.promise).toBe("whole");
  expect(sink.messages).toEqual(texts);
});

test("a caller who sends faster than is inflated is held back until few wait", async () => {
  const sink = new Seen();
  const incoming = take(sink, message("first", gzip));
  const small = message("x", gzip);
  for (let count = 2; count < 17; count += 1) incoming.take(small, 0, small.length);
  expect(sink.holds).toEqual([]);
  incoming.take(small, 0, small.length);
  expect(sink.holds).toEqual([true]);
  incoming.halfClose();
  expect(await sink.ended.promise).toBe("whole");
  expect([sink.messages.length, sink.holds]).toEqual([17, [true, false]]);
});

test("messages that are not compressed and wait behind none are delivered at once", () => {
  const sink = new Seen();
  take(sink, Buffer.concat([message("a"), message("b")])).halfClose();
  expect([sink.messages, sink.holds]).toEqual([["a", "b"], []]);
});

test("nothing is delivered behind a message that is refused or cannot be read", async () => {
  const three = Buffer.concat([message("a", gzip), message("b", gzip), message("c", gzip)]);
  const refused = new Seen("b");
  take(refused, three).halfClose();
  expect([await refused.ended.promise, refused.messages]).toEqual(["INVALID_INPUT", ["a"]]);
  const broken = new Seen();
  const other = Buffer.concat([message("a", gzip), message("b", deflateSync), message("c", gzip)]);
  take(broken, other).halfClose();
  expect([await broken.ended.promise, broken.messages]).toEqual(["INVALID_REQUEST", ["a"]]);
});
