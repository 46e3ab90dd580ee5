// Goal: header blocks of other implementations are read, and no bytes do more than end their
// connection. Method: the examples of RFC 7541, appendix C.4; blocks of our own writer; any bytes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionFault } from "../fault.ts";
import { HeaderDecoder, headerPairsMax } from "./header-decoder.ts";
import { headerBlock } from "./header-encoder.ts";
import { readHuffman } from "./huffman.ts";
import { headOf } from "./request-head.ts";

const limits = { headerBytesMax: 1_000 };

function fieldsOf(decoder: HeaderDecoder, hex: string): (readonly [string, string])[] {
  const bytes = Buffer.from(hex, "hex");
  return decoder.decode(bytes, 0, bytes.length).fields.map(({ name, value }) => [name, value]);
}

test("requests of RFC 7541 C.4 are read, each by the table that the last one left", () => {
  const decoder = new HeaderDecoder(limits);
  const first = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ];
  expect(fieldsOf(decoder, "828684418cf1e3c2e5f23a6ba0ab90f4ff")).toEqual(first);
  const second = [...first, ["cache-control", "no-cache"]];
  expect(fieldsOf(decoder, "828684be5886a8eb10649cbf")).toEqual(second);
  const third = [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ];
  const hex = "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf";
  expect(fieldsOf(decoder, hex)).toEqual(third);
});

test("a block that is equal and changes no table gives the same list", () => {
  const decoder = new HeaderDecoder(limits);
  const bytes = Buffer.from("828684", "hex");
  const list = decoder.decode(bytes, 0, 3);
  expect(decoder.decode(bytes, 0, 3)).toBe(list);
  expect(headOf(decoder.decode(Buffer.from("828784", "hex"), 0, 3)).headers[":scheme"]).toBe(
    "https",
  );
});

test("a coded text that is padded otherwise than by ones, or holds its end, is none", () => {
  expect(readHuffman(Buffer.from("1f", "hex"), 0, 1)).toBe("a");
  for (const hex of ["18", "ff", "fffffffc", "1fff"]) {
    const bytes = Buffer.from(hex, "hex");
    expect([hex, readHuffman(bytes, 0, bytes.length)]).toEqual([hex, undefined]);
  }
});

test("what exceeds the limits is counted and not kept", () => {
  const decoder = new HeaderDecoder(limits);
  const block = headerBlock({ x: "a".repeat(600), y: "b".repeat(600), z: "c" });
  const { fields, bytes, pairs } = decoder.decode(block, 0, block.length);
  expect([fields.length, bytes, pairs]).toEqual([1, 1_204, 3]);
  const many = Buffer.alloc(headerPairsMax + 1, 0x82);
  const list = new HeaderDecoder({ headerBytesMax: 10_000 }).decode(many, 0, many.length);
  expect([list.fields.length, list.pairs]).toEqual([headerPairsMax, headerPairsMax + 1]);
});

test("what a request may not say makes it unfit", () => {
  const base = { ":method": "POST", ":scheme": "http", ":path": "/a" };
  const isFit = (fields: Record<string, string>): boolean => {
    const block = headerBlock(fields);
    return headOf(new HeaderDecoder(limits).decode(block, 0, block.length)).isFit;
  };
  expect(isFit({ ...base, te: "trailers", "x-a": "é" })).toBe(true);
  const wrong: Record<string, string>[] = [
    { ":method": "POST", ":scheme": "http" },
    { ...base, ":status": "200" },
    { "x-first": "1", ...base },
    { ...base, "X-Upper": "1" },
    { ...base, connection: "close" },
    { ...base, te: "gzip" },
    { ...base, "x-line": "a\r\nb" },
    { ...base, "content-length": "-1" },
  ];
  for (const fields of wrong) expect([fields, isFit(fields)]).toEqual([fields, false]);
});

test("what our writer writes is read back, and any bytes are read or refused", () => {
  const text = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
  });
  fc.assert(
    fc.property(text, (value) => {
      const block = headerBlock({ "x-value": value });
      const { fields } = new HeaderDecoder(limits).decode(block, 0, block.length);
      expect(fields).toMatchObject([{ name: "x-value", value }]);
    }),
  );
  const decoder = new HeaderDecoder(limits);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decoder.decode(Buffer.from(bytes), 0, bytes.length);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ConnectionFault);
      }
    }),
    { numRuns: 2_000 },
  );
});
