// Goal: a connection that breaks, or a server that refuses, costs time and no answer.
// Method: the built client and the runtime's WebSocket against a small server of the test that does
// on command what Millrace does only in need: it breaks off, drains, refuses, loses a worker. What
// Millrace does is in `web-socket.test.ts`. Node has a WebSocket from version 22.
import { describe, expect, test } from "vitest";
import { createClient } from "./built-client.ts";
import { type StandInPeer, webSocketStandIn } from "./web-socket-stand-in.ts";

const hasWebSocket = typeof globalThis.WebSocket === "function";

function reply(peer: StandInPeer, text: string): void {
  const { id, features } = JSON.parse(text) as { id: string; features: number[] };
  const [prediction] = features;
  peer.send(JSON.stringify({ id, prediction, model_name: "m", model_version: "1" }));
}

describe.skipIf(!hasWebSocket)("a socket (skipped where the runtime has no WebSocket)", () => {
  test("connects again when the server drains, breaks off or says overloaded", async () => {
    const { url } = await webSocketStandIn((peer, text) => {
      const first = peer.number < 4;
      if (!first) reply(peer, text);
      else if (peer.number === 1) peer.close(1001);
      else if (peer.number === 2) peer.destroy();
      else peer.close(1013);
    });
    const client = createClient({ url, retry: { backoffMsMin: 1 } });
    const socket = client.socket("m");
    // A request is sent three times at most, so the third connection may still lose it.
    const ends = await Promise.allSettled([socket.predict([1]), socket.predict([2])]);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect((await socket.predict([3])).prediction).toBe(3);
    socket.close();
    await expect(socket.predict([4])).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("a fault of one request is its own; a retryable one is sent again", async () => {
    const seen = new Map<string, number>(); // at most one entry per request
    const { url } = await webSocketStandIn((peer, text) => {
      const { id, features } = JSON.parse(text) as { id: string; features: number[] };
      const count = (seen.get(id) ?? 0) + 1;
      seen.set(id, count);
      const code = features[0] === 0 ? "INVALID_INPUT" : "WORKER_LOST";
      if (features[0] === 0 || count === 1) peer.send(JSON.stringify({ id, error: "no", code }));
      else reply(peer, text);
    });
    const socket = createClient({ url }).socket("m");
    const [wrong, lost] = await Promise.allSettled([socket.predict([0]), socket.predict([1])]);
    expect(wrong).toMatchObject({ reason: { code: "INVALID_INPUT", isRetryable: false } });
    expect(lost).toMatchObject({ value: { prediction: 1 } });
    socket.close();
  });

  test("policy ends the socket at once; nobody there, after its attempts", async () => {
    const { url } = await webSocketStandIn((peer) => peer.close(1008));
    const refused = createClient({ url }).socket("m").predict([1]);
    await expect(refused).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    const client = createClient({ url: "http://127.0.0.1:9", retry: { backoffMsMin: 1 } });
    const nobody = client.socket("m", { reconnectsMax: 2 }).predict([1]);
    await expect(nobody).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  });
});
