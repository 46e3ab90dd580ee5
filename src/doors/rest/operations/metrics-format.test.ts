// Goal: scrapers get text, people who ask for JSON get JSON.
// Method: the Accept headers that real clients send.
import { expect, test } from "vitest";
import { chooseMetricsFormat } from "./metrics-format.ts";

const prometheus =
  "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

test.each([
  ["", null, "prometheus"],
  ["*/*", null, "prometheus"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", null, "prometheus"],
  [prometheus, null, "openmetrics"],
  ["application/json", null, "json"],
  ["application/json, text/plain, */*", null, "json"],
  ["application/json;q=0.5, text/plain", null, "prometheus"],
  ["*/*", "json", "json"],
  ["application/json", "text", "prometheus"],
])("answers Accept %j with format=%s by %s", (accept, asked, expected) => {
  expect(chooseMetricsFormat(accept, asked, "text")).toBe(expected);
});

test("turns the default round when configured", () => {
  expect(chooseMetricsFormat("*/*", null, "json")).toBe("json");
  expect(chooseMetricsFormat("text/plain", null, "json")).toBe("prometheus");
});
