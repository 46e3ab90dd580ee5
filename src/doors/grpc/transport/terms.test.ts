// Goal: the caller's time is read as the protocol spells it. Method: a table of spellings.
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { readTerms } from "./terms.ts";

test("reads each unit, takes the smallest time and cuts it to the limit", () => {
  const allowed = (headers: Record<string, string>): number | undefined =>
    readTerms(headers, 300_000).allowedMs;
  expect(allowed({})).toBeUndefined();
  expect(allowed({ "grpc-timeout": "100m" })).toBe(100);
  expect(allowed({ "grpc-timeout": "2S" })).toBe(2_000);
  expect(allowed({ "grpc-timeout": "1M" })).toBe(60_000);
  expect(allowed({ "grpc-timeout": "99999999H" })).toBe(300_000);
  expect(allowed({ "grpc-timeout": "1500u" })).toBe(1.5);
  expect(allowed({ "grpc-timeout": "0n" })).toBe(0);
  expect(allowed({ "grpc-timeout": "2S", "x-request-timeout-ms": "50" })).toBe(50);
  expect(readTerms({ "x-request-priority": "2" }, 1)).toEqual({
    allowedMs: undefined,
    priority: 2,
  });
});

test("refuses what is no time, by the name of the metadata", () => {
  const wrong: Record<string, string>[] = [
    ...["", "5", "m", "123456789m", "1.5S", "-1m", "1 m", "1s"].map((text) => ({
      "grpc-timeout": text,
    })),
    ...["", "-1", "soon", "NaN", "Infinity"].map((text) => ({ "x-request-timeout-ms": text })),
    ...["-1", "1.5", ""].map((text) => ({ "x-request-priority": text })),
  ];
  for (const headers of wrong) {
    const [name = ""] = Object.keys(headers);
    try {
      readTerms(headers, 300_000);
      throw new Error(`accepted ${JSON.stringify(headers)}`);
    } catch (thrown) {
      if (!ServingError.is(thrown)) throw thrown;
      expect([thrown.code, thrown.field]).toEqual(["INVALID_REQUEST", name]);
    }
  }
});
