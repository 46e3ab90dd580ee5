// Goal: a body in base64 is read to its end however it was cut and padded, and a damaged one is
// refused. Method: Node's encoder as the oracle, random pieces on both sides, wrong texts by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { Base64Text } from "./base64-text.ts";

/** Reads `text` in pieces of the given lengths. */
function read(text: string, lengths: readonly number[]): { bytes: Buffer; isWhole: boolean } {
  const reader = new Base64Text();
  const parts: Buffer[] = [];
  let at = 0;
  for (const length of [...lengths, text.length]) {
    parts.push(Buffer.from(reader.push(Buffer.from(text.slice(at, at + length)))));
    at += length;
  }
  return { bytes: Buffer.concat(parts), isWhole: reader.isWhole };
}

test("reads texts that were flushed in pieces and arrive in other pieces", () => {
  const flushed = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  const lengths = fc.array(fc.nat(9), { maxLength: 30 });
  fc.assert(
    fc.property(flushed, lengths, (pieces, cuts) => {
      const text = pieces.map((each) => Buffer.from(each).toString("base64")).join("");
      const { bytes, isWhole } = read(text, cuts);
      expect(bytes).toEqual(Buffer.concat(pieces));
      expect(isWhole).toBe(true);
    }),
  );
});

test("knows that a group is not whole", () => {
  expect(read("AAAAA", []).isWhole).toBe(false);
  expect(read("AAAAAA=", []).isWhole).toBe(false);
});

test.each(["AA*A", "A===", "=AAA", "AA=A", "AAA\n", "AA-_", "AAAA====", "é"])(
  "refuses %j",
  (text) => {
    expect(() => read(text, [1, 1])).toThrow(ServingError);
  },
);
