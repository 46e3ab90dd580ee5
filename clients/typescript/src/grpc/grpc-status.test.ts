// Goal: trailers of Millrace and of others become the right errors, deadlines the right text.
// Method: tables.
import { expect, test } from "vitest";
import { decodeMessage, errorOfTrailers, timeoutText } from "./grpc-status.ts";

test.each([
  [{ "grpc-status": "14" }, { code: "GRPC_14", status: 503, isRetryable: true }],
  [{ "grpc-status": "13" }, { code: "GRPC_13", status: 500, isRetryable: false }],
  [{ "grpc-status": "4" }, { code: "DEADLINE_EXCEEDED", isRetryable: false }],
  [{ "grpc-status": "1" }, { code: "CANCELLED", isRetryable: false }],
  [{ "grpc-status": "99" }, { code: "GRPC_99", status: 500 }],
  [{}, { code: "INVALID_REPLY" }],
  [{ "grpc-status": "14", "x-error-code": "DRAINING", "retry-after": "2" }, { retryAfterMs: 2000 }],
])("%o", (trailers, wanted) => {
  expect(errorOfTrailers(trailers)).toMatchObject(wanted);
});

test("status 0 is no error; a message that is badly encoded is shown as it came", () => {
  expect(errorOfTrailers({ "grpc-status": "0" })).toBeUndefined();
  expect(decodeMessage("100%")).toBe("100%");
});

test("a deadline has eight digits at most", () => {
  expect(timeoutText(Number.POSITIVE_INFINITY)).toBeUndefined();
  expect(timeoutText(0.2)).toBe("1m");
  expect(timeoutText(99_999_999)).toBe("99999999m");
  expect(timeoutText(100_000_000)).toBe("100000S");
});
