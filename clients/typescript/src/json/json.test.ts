// Goal: numbers survive JSON in both directions, and what JSON cannot hold is refused.
// Method: examples, then random values against JSON.parse and JSON.stringify.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readJson } from "./read-json.ts";
import { writeJson } from "./write-json.ts";

function asNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

test("a whole number that a double cannot hold is read as a bigint", () => {
  const text = '{"a":[9007199254740993,-9223372036854775808,9007199254740991,1e30,1.5],"b":"1"}';
  expect(readJson(text)).toEqual({
    a: [9007199254740993n, -9223372036854775808n, 9007199254740991, 1e30, 1.5],
    b: "1",
  });
  expect(readJson('"1234567890123456789"')).toBe("1234567890123456789");
});

test("the reader for long numbers reads what JSON.parse reads, and refuses what it refuses", () => {
  const long = 1234567890123456789n;
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      const read = readJson(`[${long}, ${text}]`) as unknown[];
      expect(read[0]).toBe(long);
      expect(JSON.parse(JSON.stringify(read[1], asNumber))).toEqual(JSON.parse(text));
    }),
  );
  for (const broken of ["[1234567890123456789", "[1234567890123456789,]", '{"a" 1}', "[1]2"]) {
    expect(() => readJson(broken.replace("1", "1234567890123456789"))).toThrow(SyntaxError);
  }
});

test("__proto__ is a key like any other", () => {
  const read = readJson('{"__proto__":{"x":1234567890123456789}}') as object;
  expect(Object.keys(read)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

test("what is written is read by JSON.parse as it was, -0 included", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(writeJson(value, "features"))).toEqual(value);
    }),
  );
});

test("a bigint is written with all digits, a typed array as a list, -0 with its sign", () => {
  expect(writeJson({ a: 2n ** 63n, b: Float32Array.of(0.5, 2), c: -0 }, "x")).toBe(
    '{"a":9223372036854775808,"b":[0.5,2],"c":-0}',
  );
});

test.each([
  [[1, Number.NaN], "features[1]: NaN has no form in JSON"],
  [{ a: { b: Number.POSITIVE_INFINITY } }, "features.a.b: Infinity has no form in JSON"],
  [[() => 1], "features[0]: expected a number, string, list or object, got function"],
])("refuses %o", (value, message) => {
  expect(() => writeJson(value, "features")).toThrow(message);
});
