// Goal: HPACK is read as RFC 7541 has it, at the edges of its numbers, its table and its code.
// Method: blocks by hand; blocks that the encoder of Node's own HTTP/2 (nghttp2) wrote for random
// requests, which uses the table and the Huffman code.
import { connect } from "node:http2";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  flag,
  framesOf,
  integer,
  preface,
  type,
} from "../../../../../test/support/http2-frames.ts";
import { ConnectionFault } from "../fault.ts";
import { HeaderDecoder } from "./header-decoder.ts";
import { readHuffman } from "./huffman.ts";

const limits = { headerBytesMax: 100_000 };

function read(...blocks: readonly Buffer[]): [string, string][] {
  const decoder = new HeaderDecoder(limits);
  let fields: [string, string][] = [];
  for (const bytes of blocks) {
    const list = decoder.decode(bytes, 0, bytes.length);
    fields = list.fields.map(({ name, value }) => [name, value]);
  }
  return fields;
}

function literal(name: string, value: string, first = 0x40): Buffer {
  return Buffer.concat([
    Buffer.from([first]),
    ...[name, value].flatMap((each) => [integer(each.length, 7), Buffer.from(each, "latin1")]),
  ]);
}

const newest = Buffer.from([0x80 | 62]);
const sized = (bytes: number): Buffer => integer(bytes, 5, 0x20);

test("a field that was kept is found by its number until others have pushed it out", () => {
  const first = literal("x-first", "1");
  expect(read(first, newest)).toEqual([["x-first", "1"]]);
  // 7 + 1 + 32 = 40 bytes; this one takes the rest of 4,096.
  const filler = literal("f", "v".repeat(4_096 - 40 - 32 - 1));
  expect(read(Buffer.concat([first, filler]), Buffer.from([0x80 | 63]))).toEqual([
    ...[["x-first", "1"]],
  ]);
  const larger = literal("f", "v".repeat(4_096 - 40 - 32));
  const both = Buffer.concat([first, larger]);
  expect(() => read(both, Buffer.from([0x80 | 63]))).toThrow(ConnectionFault);
  expect(read(both, newest)[0]?.[0]).toBe("f");
});

test("a field larger than the table empties it", () => {
  const both = Buffer.concat([literal("x", "1"), literal("large", "v".repeat(4_096))]);
  expect(() => read(both, newest)).toThrow(ConnectionFault);
});

test("fields that enter no table are not found again", () => {
  for (const first of [0x00, 0x10]) {
    expect(read(literal("x", "1", first))).toEqual([["x", "1"]]);
    expect(() => read(literal("x", "1", first), newest)).toThrow(ConnectionFault);
  }
});

test("the size of the table changes at the start of a block, from nothing to 4,096", () => {
  const kept = literal("x", "1");
  expect(read(kept, Buffer.concat([sized(4_096), newest]))).toEqual([["x", "1"]]);
  expect(read(kept, Buffer.concat([sized(34), newest]))).toEqual([["x", "1"]]);
  expect(() => read(kept, Buffer.concat([sized(33), newest]))).toThrow(ConnectionFault);
  // Down and up again: what was pushed out does not come back, and new fields are kept.
  expect(() => read(kept, Buffer.concat([sized(0), sized(4_096), newest]))).toThrow(
    ConnectionFault,
  );
  expect(read(Buffer.concat([sized(0), sized(4_096), kept]), newest)).toEqual([["x", "1"]]);
  expect(() => read(sized(4_097))).toThrow(ConnectionFault);
  expect(() => read(Buffer.concat([Buffer.from([0x82]), sized(100)]))).toThrow(ConnectionFault);
  expect(read(Buffer.concat([sized(0), literal("x", "1")]))).toEqual([["x", "1"]]);
});

test("a block that is equal is read anew once the table has changed", () => {
  const decoder = new HeaderDecoder(limits);
  const read1 = (bytes: Buffer): string | undefined =>
    decoder.decode(bytes, 0, bytes.length).fields[0]?.value;
  read1(literal("x", "1"));
  expect(read1(newest)).toBe("1");
  expect(read1(newest)).toBe("1");
  read1(literal("x", "2"));
  expect(read1(newest)).toBe("2");
});

test.each([
  ["number 0", "80"],
  ["a number beyond both tables", "be"],
  ["a name beyond both tables", "7f0001"],
  ["a number without its end", "ff"],
  ["a number without its end, long", "ffffffff"],
  ["a number of six bytes", "ff8080808000"],
  ["a number of 2^35", "ffffffffff7f"],
  ["a length of 2^31", "007fffffffff07"],
  ["a text longer than the block", "000561"],
  ["a value that is missing", "000161"],
  ["a coded text longer than the block", "00ff7f"],
  ["a text that is padded by zeros", "00811861"],
  ["a text that is padded by a whole byte", "0082ffff0161"],
  ["a text with the code of its end", "0084fffffffc0161"],
])("%s ends the connection", (_, hex) => {
  expect(() => read(Buffer.from(hex, "hex"))).toThrow(ConnectionFault);
});

test("numbers are read at the edges of their prefix", () => {
  for (const length of [0, 1, 126, 127, 128, 254, 255, 16_383, 20_000]) {
    expect(read(literal("x", "v".repeat(length)))[0]?.[1].length).toBe(length);
  }
});

/** Random requests as nghttp2 writes them: the blocks, and what each says. */
async function written(requests: readonly Record<string, string>[]): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const session = connect("http://here", { createConnection: () => wire });
  session.on("error", () => {});
  for (const fields of requests) {
    session.request(fields, { endStream: true }).on("error", () => {});
  }
  const blocks = (): Buffer[] => {
    const { frames } = framesOf(Buffer.concat(chunks).subarray(preface.length));
    const parts = frames.filter(({ type: kind }) => kind === type.headers || kind === 9);
    const whole: Buffer[] = [];
    let open: Buffer[] = [];
    for (const { payload, flags } of parts) {
      open.push(payload);
      if ((flags & flag.endHeaders) === 0) continue;
      whole.push(Buffer.concat(open));
      open = [];
    }
    return whole;
  };
  while (blocks().length < requests.length) await new Promise((done) => setImmediate(done));
  session.destroy();
  return blocks();
}

test("blocks that nghttp2 wrote are read as what it was given", async () => {
  let state = 20_261_128;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const text = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(33 + next(94))).join("");
  const names = Array.from({ length: 30 }, (_, index) => `x-name-${index}`);
  const values = Array.from({ length: 40 }, () => text(next(60)));
  for (let round = 0; round < 5; round += 1) {
    const requests = Array.from({ length: 90 }, (_, index) => {
      const own: Record<string, string> = { ":method": "POST", ":path": `/${next(4)}` };
      for (let count = next(8); count > 0; count -= 1) {
        const name = names[next(names.length)] ?? "";
        const long = next(20) === 0 ? text(next(6_000)) : "";
        own[name] = long || (next(3) === 0 ? text(next(80)) : (values[next(values.length)] ?? ""));
      }
      return { ...own, "x-index": String(index) };
    });
    const decoder = new HeaderDecoder(limits);
    const blocks = await written(requests);
    for (const [index, bytes] of blocks.entries()) {
      const list = decoder.decode(bytes, 0, bytes.length);
      const read = Object.fromEntries(list.fields.map(({ name, value }) => [name, value]));
      expect(read).toEqual({ ":authority": "here:80", ":scheme": "http", ...requests[index] });
    }
    expect(blocks.length).toBe(90);
  }
});

test("every symbol that a header may hold is read from the code that nghttp2 wrote", async () => {
  const symbols = Array.from({ length: 256 }, (_, symbol) => symbol).filter(
    (symbol) => symbol === 9 || (symbol >= 32 && symbol !== 127),
  );
  // Short codes around it, so that coding pays.
  const requests = Array.from({ length: 4 }, (_, part) =>
    Object.fromEntries(
      symbols
        .filter((symbol) => symbol % 4 === part)
        .map((symbol) => [`x-${symbol}`, `${"a".repeat(40)}${String.fromCharCode(symbol)}e`]),
    ),
  );
  const blocks = await written(requests);
  const decoder = new HeaderDecoder(limits);
  for (const [index, bytes] of blocks.entries()) {
    const { fields } = decoder.decode(bytes, 0, bytes.length);
    const read = fields.filter(({ name }) => name.startsWith("x-"));
    expect(read.map(({ name, value }) => [name, value])).toEqual(
      Object.entries(requests[index] ?? {}),
    );
    // Coded, not plain: 42 letters take no more than 32 bytes with the longest symbol.
    expect(bytes.length).toBeLessThan(40 * read.length + 60);
  }
});

test("a code is padded by ones, fewer than eight, whatever is in front", () => {
  const a = "00011";
  const asBytes = (bits: string): Buffer =>
    Buffer.from((bits.match(/.{8}/g) ?? []).map((each) => Number.parseInt(each, 2)));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20 }), (count, more) => {
      const bits = a.repeat(count);
      const pad = ((8 - (bits.length % 8)) % 8) + 8 * Math.floor(more / 8);
      const ones = asBytes(bits + "1".repeat(pad));
      const wanted = pad < 8 ? "a".repeat(count) : undefined;
      expect(readHuffman(ones, 0, ones.length)).toBe(wanted);
      if (pad === 0 || pad >= 5) return;
      const zero = more % pad;
      const spoilt = asBytes(`${bits}${"1".repeat(zero)}0${"1".repeat(pad - zero - 1)}`);
      expect(readHuffman(spoilt, 0, spoilt.length)).toBe(undefined);
    }),
  );
});
