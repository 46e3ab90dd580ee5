// Goal: a hostile name cannot break or flood a message. Method: the cases by hand.
import { expect, test } from "vitest";
import { quote } from "./quote.ts";

test("shows a plain name as it is", () => {
  expect(quote("features")).toBe("'features'");
  expect(quote("背景色 🙂")).toBe("'背景色 🙂'");
});

test("escapes control characters and halves of characters, and cuts long names", () => {
  expect(quote("a\nb\u001b[31m")).toBe("'a\\u000ab\\u001b[31m'");
  expect(quote("x\ud800y\udc00")).toBe("'x\ufffdy\ufffd'");
  expect(quote("a".repeat(64))).toBe(`'${"a".repeat(64)}'`);
  expect(quote("a".repeat(65))).toBe(`'${"a".repeat(64)}...'`);
});
