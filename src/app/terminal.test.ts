// Goal: tables line up and hostile text cannot move the cursor.
// Method: small tables by hand.
import { expect, test } from "vitest";
import { bytesText, columns } from "./terminal.ts";

test("columns line up and the last is not padded", () => {
  expect(
    columns(
      [
        ["a", "bb", "c"],
        ["aaa", "b", ""],
      ],
      " ",
    ),
  ).toBe(" a    bb  c\n aaa  b");
});

test("control characters of a model's strings are shown, not obeyed", () => {
  expect(columns([["x\u001b[2J\r", "y"]])).toBe("x\\u001b[2J\\u000d  y");
});

test("sizes are told in the nearest unit", () => {
  expect([0, 1023, 1536, 96 * 1024 * 1024].map(bytesText)).toEqual([
    "0 B",
    "1023 B",
    "1.50 KiB",
    "96.0 MiB",
  ]);
});
