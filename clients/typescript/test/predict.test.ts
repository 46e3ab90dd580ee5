// Goal: predictions over REST come back typed and right, and faults say what to change.
// Method: the built client against the built server with the demo models.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { createClient, MillraceError } from "./built-client.ts";

let server: BuiltServer;

beforeAll(async () => {
  server = await startBuilt([`${root}/models`]);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
const list = [45, 12, 79.5, 954];

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<MillraceError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof MillraceError)) throw new Error(`no MillraceError: ${String(thrown)}`);
  return thrown;
}

test("one row: named, listed, as a typed array", async () => {
  const client = createClient({ url: server.url });
  for (const given of [row, list, Float32Array.from(list)]) {
    const answer = await client.predict("churn", given, { requestId: "r-1" });
    expect(answer).toEqual({
      prediction: 1,
      probabilities: [expect.closeTo(0.26129, 4), expect.closeTo(0.73871, 4)],
      model: "churn",
      version: "1.0.0",
      latencyMs: expect.any(Number),
      requestId: "r-1",
    });
  }
});

test("several rows, of both kinds, and none", async () => {
  const client = createClient({ url: server.url });
  const other = { ...row, age: 67, tenure: 60, monthly_charges: 34.25, total_charges: 2055 };
  const answers = await client.predict("churn", [row, other]);
  expect(answers.predictions).toEqual([1, 0]);
  expect(answers.probabilities?.length).toBe(2);
  expect((await client.predict("churn", [list, list])).predictions).toEqual([1, 1]);
});

test("a text and several texts", async () => {
  const client = createClient({ url: server.url });
  expect((await client.predict("sentiment", "I love it")).prediction).toBe("positive");
  const answers = await client.predict("sentiment", ["I love it", "so bad"]);
  expect(answers.predictions).toEqual(["positive", "negative"]);
});

test("a fault names its field, its code, its status and its request", async () => {
  const client = createClient({ url: `${server.url}/` });
  const asked = client.predict("churn", { ...row, age: 451 }, { requestId: "wrong-age" });
  const error = await failure(asked);
  expect(error).toMatchObject({
    code: "INVALID_INPUT",
    status: 400,
    field: "features.age",
    requestId: "wrong-age",
    isRetryable: false,
    retryAfterMs: undefined,
  });
  expect(error.message).toContain("expected a number from 0 to 120");
  const unknown = await failure(client.predict("nobody", [1]));
  expect(unknown).toMatchObject({ code: "MODEL_NOT_FOUND", status: 404 });
  const version = await failure(client.predict("churn", list, { version: "9.9.9" }));
  expect(version).toMatchObject({ code: "VERSION_NOT_FOUND", status: 404 });
});

test("a number that JSON cannot hold is refused before it is sent", async () => {
  const client = createClient({ url: "http://127.0.0.1:9" });
  const error = await failure(client.predict("churn", [Number.NaN, 12, 79.5, 954]));
  expect(error).toMatchObject({ code: "INVALID_INPUT", status: 0, field: "features[0]" });
});

test("an address where nobody listens is CONNECTION_FAILED after three attempts", async () => {
  const client = createClient({ url: "http://127.0.0.1:9", retry: { backoffMsMin: 1 } });
  const error = await failure(client.predict("churn", list));
  expect(error).toMatchObject({ code: "CONNECTION_FAILED", status: 0, isRetryable: true });
});

test("an address of something else is told apart from a fault of the model", async () => {
  const client = createClient({ url: `${server.url}/docs` });
  const error = await failure(client.predict("churn", list));
  expect(error).toMatchObject({ code: "NOT_FOUND", status: 404 });
});

test("a batch answers each row by itself, whatever the others did", async () => {
  const client = createClient({ url: server.url });
  const given = [row, { ...row, age: 451 }, { ...row, tenure: 60 }];
  const batch = await client.batchPredict("churn", given, { requestId: "b-1" });
  expect(batch).toMatchObject({ model: "churn", version: "1.0.0", failed: 1, requestId: "b-1" });
  const alone = await client.predict("churn", row);
  expect(batch.items.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(batch.items[0]).toEqual({
    index: 0,
    prediction: alone.prediction,
    probabilities: alone.probabilities,
    error: undefined,
  });
  expect(batch.items[1]?.error).toMatchObject({ code: "INVALID_INPUT", requestId: "b-1" });
  expect(batch.items[1]?.error?.message).toContain("0 to 120");
  const texts = await client.batchPredict("sentiment", ["I love it", "so bad"]);
  expect(texts.failed).toBe(0);
  expect(texts.items).toMatchObject([{ prediction: "positive" }, { prediction: "negative" }]);
  const unknown = await failure(client.batchPredict("nobody", [list]));
  expect(unknown).toMatchObject({ code: "MODEL_NOT_FOUND", status: 404 });
});
