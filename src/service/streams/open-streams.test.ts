// Goal: no more streams than the limit, at its edges, and sums that come back to zero.
// Method: entering and leaving by hand.
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { OpenStreams } from "./open-streams.ts";

test("lets in as many as the limit says and refuses the next", () => {
  const streams = new OpenStreams({ streamsMax: 2 });
  const first = streams.enter();
  const second = streams.enter();
  second.unreadBytes = () => 7;
  first.unreadBytes = () => 3;
  expect([streams.count, streams.unreadBytes]).toEqual([2, 10]);
  try {
    streams.enter();
    expect.unreachable();
  } catch (thrown) {
    const { code, limit } = ServingError.from(thrown);
    expect([code, limit]).toEqual(["OVERLOADED", "streamsMax"]);
  }
  first.leave();
  first.leave();
  expect([streams.count, streams.unreadBytes]).toEqual([1, 7]);
  streams.enter();
  second.leave();
  expect(streams.count).toBe(1);
  expect(() => new OpenStreams({ streamsMax: 0 }).enter()).toThrow("streamsMax");
});
