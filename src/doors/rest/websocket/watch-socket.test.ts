// Goal: a silent caller is asked, then cut; a reader or a message that does not move is cut; a
// caller whom we do not read is left alone. Method: the edges of each limit by hand.
import { expect, test } from "vitest";
import { watchSocket } from "./watch-socket.ts";

const rules = { socketSilentMsMax: 60_000, bodyReadMsMax: 30_000, replyReadMsMax: 20_000 };
const fresh = {
  ...{ heardAtMs: 0, partialSinceMs: undefined, takenAtMs: 0, pingedAtMs: 0, isPaused: false },
};
const kindAt = (nowMs: number, own: Partial<Parameters<typeof watchSocket>[0]>): string => {
  const verdict = watchSocket({ ...fresh, ...own }, rules, nowMs);
  return verdict.kind === "end" ? verdict.limit : verdict.kind;
};

test("pings a silent caller three times before it is cut", () => {
  const read = { takenAtMs: 100_000 };
  expect(kindAt(19_999, read)).toBe("nothing");
  expect(kindAt(20_000, read)).toBe("ping");
  expect(kindAt(30_000, { ...read, pingedAtMs: 20_000 })).toBe("nothing");
  expect(kindAt(40_000, { ...read, pingedAtMs: 20_000 })).toBe("ping");
  expect(kindAt(60_000, { ...read, pingedAtMs: 50_000 })).toBe("nothing");
  expect(kindAt(60_001, { ...read, pingedAtMs: 50_000 })).toBe("socketSilentMsMax");
});

test("cuts a reader who takes nothing, even while it is not read", () => {
  expect(kindAt(20_000, { heardAtMs: 20_000 })).toBe("nothing");
  expect(kindAt(20_001, { heardAtMs: 20_001 })).toBe("replyReadMsMax");
  expect(kindAt(20_001, { isPaused: true })).toBe("replyReadMsMax");
});

test("cuts a message that does not arrive, and asks nothing of a caller that is not read", () => {
  const read = { takenAtMs: 100_000, heardAtMs: 90_000 };
  expect(kindAt(130_000, { ...read, takenAtMs: 130_000, partialSinceMs: 100_000 })).toBe("ping");
  const late = { ...read, takenAtMs: 130_001, partialSinceMs: 100_000 };
  expect(kindAt(130_001, late)).toBe("bodyReadMsMax");
  expect(kindAt(900_000, { isPaused: true, takenAtMs: 900_000, partialSinceMs: 1 })).toBe(
    "nothing",
  );
});
