// Goal: every error of the table has a status of gRPC, and its message survives the trip. Method:
// all codes; text with what a header cannot hold.
import { expect, test } from "vitest";
import { type ErrorCode, errorTable, ServingError } from "../../base/index.ts";
import { errorTrailers, percentEncode } from "./errors.ts";

test("each code has its status, and one that may be tried again says when", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const trailers = errorTrailers(new ServingError(code, "why"), "id-1");
    const row = errorTable[code];
    expect(trailers).toMatchObject({
      "grpc-status": String(row.grpc),
      "grpc-message": "why",
      "x-error-code": code,
      "x-request-id": "id-1",
    });
    expect(row.grpc).toBeGreaterThan(0);
    expect(row.grpc).toBeLessThan(17);
    const isToBeTried = row.http === 503 || row.http === 429;
    expect(trailers["grpc-retry-pushback-ms"] !== undefined).toBe(isToBeTried);
  }
});

test("a message is percent-encoded where it must be, and cut where it is long", () => {
  expect(percentEncode("a b ~ 100% \n é")).toBe("a b ~ 100%25 %0A %C3%A9");
  expect(decodeURIComponent(percentEncode("日本 'x'"))).toBe("日本 'x'");
  expect(percentEncode("a".repeat(10_000))).toHaveLength(2_048);
});
