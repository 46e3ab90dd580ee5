// Goal: a body is cut into no more lines and cells than can be of use. Method: the edges of both.
import { expect, test } from "vitest";
import { readCsvLines } from "./csv-cells.ts";

const bounds = { linesMax: 2, cellsMax: 2 };
const cut = (text: string): string[][] =>
  readCsvLines(Buffer.from(text), bounds).map((cells) => cells.map((cell) => cell.text));

test("cuts up to the bounds and refuses what is beyond them", () => {
  expect(cut("1,2,3\n4,5")).toEqual([
    ["1", "2", "3"],
    ["4", "5"],
  ]);
  expect(cut('1,2\n"4",5,""')).toEqual([
    ["1", "2"],
    ["4", "5", ""],
  ]);
  expect(() => cut("1\n1,2,3,4")).toThrow("line[1]: more than 3 values, expected at most 2");
  expect(() => cut(`1\n${",".repeat(1_000)}`)).toThrow("line[1]: more than 3 values");
  expect(() => cut("1\n2\n3")).toThrow("more than 1 rows (requestItemsMax)");
});
