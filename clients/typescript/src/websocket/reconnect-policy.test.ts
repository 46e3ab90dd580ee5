// Goal: a closed connection is made again when that can help, later each time, and not for ever.
// Method: every close code of the contract, then the wait under fixed draws.
import { expect, test } from "vitest";
import { decideReconnect } from "./reconnect-policy.ts";

const rules = { attemptsMax: 3, backoffMsMin: 100, backoffMsMax: 150 };
const half = { next: () => 0.5 };

test.each([1000, 1001, 1006, 1011, 1013])("comes back after %i, later each time", (closeCode) => {
  const waits = [0, 1, 2].map((failures) => decideReconnect({ closeCode, failures }, rules, half));
  expect(waits).toEqual([50, 75, 75].map((afterMs) => ({ kind: "reconnect", afterMs })));
  const last = decideReconnect({ closeCode, failures: 3 }, rules, half);
  expect(last).toEqual({ kind: "giveUp", code: "CONNECTION_FAILED" });
});

test.each([
  [1008, "PERMISSION_DENIED"],
  [1009, "PAYLOAD_TOO_LARGE"],
])("gives up at once after %i", (closeCode, code) => {
  expect(decideReconnect({ closeCode, failures: 0 }, rules, half)).toEqual({
    kind: "giveUp",
    code,
  });
});
