// Goal: refusals come at the edge of each limit and name it.
// Method: limit - 1, limit, limit + 1 by hand.
import { expect, test } from "vitest";
import { admit, refusalError } from "./admit.ts";

const queue = { items: 6, itemsMax: 8, bytes: 60, bytesMax: 80 };
const ask = { items: 1, bytes: 1, deadlineAtMs: 100 };

test.each([
  [{ ...ask, items: 1 }, undefined],
  [{ ...ask, items: 2 }, undefined],
  [{ ...ask, items: 3 }, "queueItemsMax"],
  [{ ...ask, bytes: 19 }, undefined],
  [{ ...ask, bytes: 20 }, undefined],
  [{ ...ask, bytes: 21 }, "queueBytesMax"],
  [{ ...ask, deadlineAtMs: 51 }, undefined],
  [{ ...ask, deadlineAtMs: 50 }, "deadline"],
  [{ ...ask, deadlineAtMs: 49, items: 99 }, "deadline"],
])("%o is refused by %s", (given, refusal) => {
  expect(admit(given, queue, 50)).toBe(refusal);
});

test("a refusal names what waits, what was asked and the limit", () => {
  const items = refusalError("queueItemsMax", { ...ask, items: 3 }, queue);
  expect([items.code, items.message, items.retryAfterS]).toEqual([
    "QUEUE_FULL",
    "the queue is full: 6 items wait, 3 more are over queueItemsMax 8",
    1,
  ]);
  expect(refusalError("queueBytesMax", { ...ask, bytes: 21 }, queue).message).toBe(
    "the queue is full: 60 bytes wait, 21 more are over queueBytesMax 80",
  );
  expect(refusalError("deadline", ask, queue).code).toBe("DEADLINE_EXCEEDED");
});
