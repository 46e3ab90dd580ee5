// Goal: the reader takes exactly what RFC 8259 allows, and says where and what when it does not.
// Method: bodies by hand at each rule, then random values against JSON.parse.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { JsonReader } from "./reader.ts";

function readerOf(text: string | Uint8Array, depthMax = 32): JsonReader {
  return new JsonReader(typeof text === "string" ? Buffer.from(text) : text, depthMax);
}

function skipAll(text: string | Uint8Array, depthMax = 32): void {
  const reader = readerOf(text, depthMax);
  reader.skipValue();
  reader.end();
}

function messageOf(act: () => void): string {
  try {
    act();
  } catch (thrown) {
    if (!ServingError.is(thrown)) throw thrown;
    return `${thrown.code} ${thrown.message}`;
  }
  return "nothing was thrown";
}

test("walks an object member by member and skips what nobody asked for", () => {
  const reader = readerOf(' { "a" : [1, {"x": []}] , "id":"seven", "ok":true, "n":null } ');
  const seen: unknown[] = [];
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("id")) seen.push(reader.readString());
    else if (reader.isKey("ok")) seen.push(reader.readBoolean());
    else if (reader.isKey("n")) seen.push(reader.peek(), reader.readNull());
    else {
      seen.push(reader.keyText());
      reader.skipValue();
    }
  }
  reader.end();
  expect(seen).toEqual(["a", "seven", true, "null", undefined]);
});

test("compares keys by meaning: escapes are undone, prefixes do not match", () => {
  const reader = readerOf('{"\\u0069\\u0064":1,"idx":2,"i":3,"\u00e9":4}');
  const seen: [string, boolean][] = [];
  reader.enterObject();
  while (reader.nextMember()) {
    seen.push([reader.keyText(), reader.isKey("id")]);
    reader.skipValue();
  }
  expect(seen).toEqual([
    ["id", true],
    ["idx", false],
    ["i", false],
    ["\u00e9", false],
  ]);
});

const broken: [string, string][] = [
  ["", "at byte 0: expected a JSON value, got the end of the body"],
  ["   ", "at byte 3"],
  ["{", "expected a key in double quotes, got the end of the body"],
  ["[", "got the end of the body"],
  ["[1", "expected ',' or ']'"],
  ["[1,]", "at byte 3: expected a value, got ']'"],
  ["[,1]", "got ','"],
  ["[1 2]", "at byte 3: expected ',' or ']', got 2"],
  ["[1}", "got '}'"],
  ['{"a":1,}', "at byte 7: expected a key"],
  ['{"a" 1}', "expected ':', got 1"],
  ['{"a":1 "b":2}', "expected ',' or '}', got the string \"b\""],
  ["{a:1}", "expected a key in double quotes, got a"],
  ["{'a':1}", "got '''"],
  ["{1:1}", "expected a key"],
  ["01", "leading zeros"],
  ["-", "expected a digit"],
  ["-x", "expected a digit"],
  ["1.", "expected a digit"],
  [".5", "expected a JSON value"],
  ["+1", "expected a JSON value"],
  ["1e", "expected a digit"],
  ["1e+", "expected a digit"],
  ["0x10", "expected the end of the body"],
  ["NaN", "got NaN (JSON has no NaN and no Infinity)"],
  ["Infinity", "got Infinity (JSON has no"],
  ["-Infinity", "got Infinity (JSON has no"],
  ["tru", "expected true or false, got tru"],
  ["nul", "expected null, got nul"],
  ["truex", "expected the end of the body, got x"],
  ['"abc', "expected a closing quote"],
  ['"a\\"', "expected a closing quote"],
  ['"a\\', "expected a closing quote"],
  ['"a\nb"', "control characters"],
  ['"\\x41"', "an escape"],
  ['"\\u00g0"', "four hexadecimal digits"],
  ['"\\u00"', "four hexadecimal digits"],
  ['"\\ud800"', "a whole surrogate pair"],
  ['"\\ud800\\u0041"', "a whole surrogate pair"],
  ['"\\udc00"', "a whole surrogate pair"],
  ["\ufeff1", "got a byte order mark"],
  ["1 1", "expected the end of the body"],
  ["/* */1", "got '/'"],
  ["\u00a01", "got byte 0xc2"],
];

test.each(broken)("refuses %j and says where", (text, part) => {
  const message = messageOf(() => skipAll(text));
  expect(message).toContain("INVALID_REQUEST invalid JSON at byte");
  expect(message).toContain(part);
  // JSON.parse agrees, but for halves of surrogate pairs, which it takes.
  if (!part.includes("surrogate")) expect(() => JSON.parse(text)).toThrow();
});

test("refuses bytes that are not UTF-8 in values and in keys", () => {
  const bad = [
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
  ];
  for (const bytes of bad) {
    const value = Buffer.from([0x22, ...bytes, 0x22]);
    expect(messageOf(() => readerOf(value).readString())).toContain("valid UTF-8");
    expect(messageOf(() => skipAll(value))).toContain("valid UTF-8");
    const key = Buffer.concat([Buffer.from("{"), value, Buffer.from(":1}")]);
    expect(messageOf(() => skipAll(key))).toContain("valid UTF-8");
  }
});

test("counts depth at the limit and one past it, whatever nests", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  skipAll(nested(32));
  expect(messageOf(() => skipAll(nested(33)))).toBe(
    "LIMIT_EXCEEDED JSON at byte 32 nests deeper than jsonDepthMax (32 levels)",
  );
  const objects = '{"a":'.repeat(33);
  expect(messageOf(() => skipAll(objects))).toContain("LIMIT_EXCEEDED");
  expect(messageOf(() => skipAll("[".repeat(250_000)))).toContain("LIMIT_EXCEEDED");
  skipAll(`[${"[],".repeat(1_000)}{}]`, 2);
});

test("goes back to a skipped value and comes back", () => {
  const reader = readerOf('{"data":[1,[2]],"shape":7}');
  reader.enterObject();
  reader.nextMember();
  const at = reader.at;
  reader.skipValue();
  reader.nextMember();
  expect(reader.isKey("shape")).toBe(true);
  reader.skipValue();
  expect(reader.nextMember()).toBe(false);
  reader.end();
  const mark = reader.rewind(at);
  reader.enterArray();
  expect(reader.nextElement()).toBe(true);
  reader.resume(mark);
  reader.end();
});

test("reads every string as JSON.parse does, into text and into bytes", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const hexOf = (value: string, index: number) =>
    value.charCodeAt(index).toString(16).padStart(4, "0");
  const escaped = (value: string) =>
    `"${Array.from({ length: value.length }, (_, index) => `\\u${hexOf(value, index)}`).join("")}"`;
  fc.assert(
    fc.property(text, fc.boolean(), (value, isEscaped) => {
      const json = isEscaped ? escaped(value) : JSON.stringify(value);
      expect(readerOf(json).readString()).toBe(value);
      const reader = readerOf(json);
      const target = Buffer.alloc(reader.stringRoom());
      const length = reader.readStringInto(target, 0);
      expect(target.toString("utf8", 0, length)).toBe(value);
    }),
  );
});

test("takes what JSON.parse takes and refuses what it refuses, mutated bodies included", () => {
  const mutation = fc.tuple(fc.nat(), fc.constantFrom(...'[]{},:"\\ 01.-+eEtfnu\n\u0001x'));
  fc.assert(
    fc.property(fc.json(), fc.array(mutation, { maxLength: 3 }), (json, mutations) => {
      let text = json;
      for (const [at, letter] of mutations) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + letter + text.slice(place + 1);
      }
      text = text.toWellFormed();
      let isValid = true;
      try {
        JSON.parse(text);
      } catch {
        isValid = false;
      }
      // JSON.parse takes halves of surrogate pairs; we do not.
      const message = messageOf(() => skipAll(text, 1_000));
      if (message.includes("surrogate")) return;
      expect(message === "nothing was thrown").toBe(isValid);
    }),
    { numRuns: 2_000 },
  );
});
