// Goal: many predictions and tensors share one connection to Millrace, in whatever order they are
// answered; a fault is one request's own. Method: the built client and the runtime's WebSocket
// against the built server; Node has a WebSocket from version 22.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BuiltServer,
  get,
  root,
  startBuilt,
  until,
} from "../../../test/support/built-server.ts";
import { createClient } from "./built-client.ts";
import { sameCases, slowSteps, writeClientModels } from "./client-models.ts";

const hasWebSocket = typeof globalThis.WebSocket === "function";
const models = writeClientModels();
const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
const list = [45, 12, 79.5, 954];
let server: BuiltServer;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  const limits = ["limits.jsonBodyBytesMax=20000", "limits.streamsMax=4"];
  const words = limits.flatMap((each) => ["--set", each]);
  server = await startBuilt([models, `${root}/models`, ...words]);
  client = createClient({ url: server.url, retry: { backoffMsMin: 1 } });
});

afterAll(async () => {
  await server.stop("SIGKILL");
});

describe.skipIf(!hasWebSocket)("a socket (skipped where the runtime has no WebSocket)", () => {
  test("answers by id as the server answers over HTTP", async () => {
    const socket = client.socket("same-fp32", { inFlightMax: 8, version: "1" });
    const asked = Array.from({ length: 300 }, (_, index) => socket.predict([index, -index]));
    const answers = await Promise.all(asked);
    expect(answers.map(({ prediction }) => prediction)).toEqual(
      answers.map((_, index) => [index, -index]),
    );
    expect(answers[0]).toMatchObject({ model: "same-fp32", version: "1", requestId: "" });
    socket.close();
    await expect(socket.predict([1, 2])).rejects.toMatchObject({ code: "CANCELLED" });
    const churn = client.socket("churn");
    const one = await client.predict("churn", row);
    const same = { prediction: one.prediction, probabilities: one.probabilities };
    expect(await churn.predict(row)).toMatchObject(same);
    expect((await churn.predict([list, list])).predictions).toEqual([1, 1]);
    churn.close();
  });

  test("a fault of one request is its own, with its code and field", async () => {
    const socket = client.socket("churn");
    const asked = [socket.predict({ ...row, age: 451 }), socket.predict(row)];
    const [wrong, right] = await Promise.allSettled(asked);
    const over = await client.predict("churn", { ...row, age: 451 }).catch((error) => error);
    const { code, field, message } = over;
    expect(wrong).toMatchObject({ reason: { code, field, message, isRetryable: false } });
    expect([code, field]).toEqual(["INVALID_INPUT", "features.age"]);
    expect(right).toMatchObject({ value: { prediction: 1 } });
    socket.close();
    const nobody = client.socket("nobody");
    await expect(nobody.predict([1])).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    nobody.close();
  });

  test("a message over the server's limit ends the socket with PAYLOAD_TOO_LARGE", async () => {
    const socket = client.socket("sentiment");
    const large = socket.predict("x".repeat(20_000));
    await expect(large).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    expect((await socket.predict("I love it")).prediction).toBe("positive");
    socket.close();
  });

  test("a deadline and a caller who leaves end a request, not the socket", async () => {
    const socket = client.socket("slow");
    const late = socket.predict([slowSteps], { timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const controller = new AbortController();
    const left = socket.predict([1], { signal: controller.signal });
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: "CANCELLED" });
    expect((await socket.predict([5])).prediction).toBe(5);
    socket.close();
  });

  test("more than may wait is refused here", async () => {
    const socket = client.socket("slow", { inFlightMax: 1, waitingMax: 1 });
    const ends = [socket.predict([slowSteps]), socket.predict([2])];
    await expect(socket.predict([3])).rejects.toMatchObject({ code: "OVERLOADED" });
    const [, second] = await Promise.all(ends);
    expect(second?.prediction).toBe(2);
    socket.close();
  });

  test("a server with no stream to spare is CONNECTION_FAILED, until one ends", async () => {
    const held = Array.from({ length: 4 }, () => client.socket("churn"));
    await Promise.all(held.map((socket) => socket.predict(row)));
    const fifth = client.socket("churn", { reconnectsMax: 2 });
    await expect(fifth.predict(row)).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    for (const socket of held) socket.close();
    await until(async () => {
      const { text } = await get(`${server.url}/metrics`);
      return text.includes("\nmillrace_streams 0\n");
    }, 10_000);
    expect((await fifth.predict(row)).prediction).toBe(1);
    fifth.close();
  });

  test.each(sameCases)("tensors of %s go there and back bit by bit", async (type, x) => {
    const socket = client.tensorSocket(`same-${type.toLowerCase()}`);
    const answers = await Promise.all([socket.infer({ x }), socket.infer({ x })]);
    for (const answer of answers) {
      expect(answer).toEqual({
        outputs: { y: { datatype: type, shape: x.shape, data: x.data } },
        model: `same-${type.toLowerCase()}`,
        version: "1",
        requestId: "",
      });
    }
    socket.close();
  });

  test("tensors: answers are those of infer, faults are a request's own", async () => {
    const socket = client.tensorSocket("churn", { version: "1.0.0" });
    const features = { shape: [1, 4], data: Float32Array.from(list) };
    const over = await client.infer("churn", { features });
    const asked = Array.from({ length: 100 }, () => socket.infer({ features }));
    for (const { outputs } of await Promise.all(asked)) expect(outputs).toEqual(over.outputs);
    const chosen = await socket.infer({ features }, { outputs: ["label"] });
    expect(Object.keys(chosen.outputs)).toEqual(["label"]);
    const wrong = socket.infer({ features: { ...features, shape: [2, 2] } });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_INPUT", isRetryable: false });
    const texts = client.tensorSocket("same-bytes");
    const x = { shape: [1, 2], data: ["grüß", "🌊"] };
    expect((await texts.infer({ x })).outputs["y"]?.data).toEqual(x.data);
    texts.close();
    socket.close();
  });
});
