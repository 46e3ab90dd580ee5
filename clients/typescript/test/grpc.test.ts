// Goal: the client's gRPC calls get from Millrace what its REST calls get: tensors bit by bit, the
// same errors, deadlines, cancelling, also over TLS. Method: the built client against the built
// server's gRPC door; certificates made for the test by openssl.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  type BuiltServer,
  get,
  root,
  startBuilt,
  until,
} from "../../../test/support/built-server.ts";
import { hasOpenssl } from "../../../test/support/certificates.ts";
import { clientFolder, createClient } from "./built-client.ts";
import { sameCases, slowSteps, writeClientModels } from "./client-models.ts";

const entry = pathToFileURL(join(clientFolder, "dist/grpc/index.js")).href;
const { createGrpcClient } = (await import(entry)) as typeof import("../src/grpc/index.ts");

const models = writeClientModels();
const row = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
let server: BuiltServer;
let client: ReturnType<typeof createGrpcClient>;
let rest: ReturnType<typeof createClient>;

beforeAll(async () => {
  server = await startBuilt([models, `${root}/models`, "--batch-items-max", "1"]);
  client = createGrpcClient({ url: `http://${server.grpc}` });
  rest = createClient({ url: server.url });
});

afterAll(async () => {
  client.close();
  await server.stop("SIGKILL");
});

test.each(sameCases)("%s goes there and back bit by bit", async (type, x) => {
  const answer = await client.infer(`same-${type.toLowerCase()}`, { x }, { requestId: "g-1" });
  expect(answer).toEqual({
    outputs: { y: { datatype: type, shape: x.shape, data: x.data } },
    model: `same-${type.toLowerCase()}`,
    version: "1",
    requestId: "g-1",
  });
});

test("BYTES goes there and back, and outputs can be chosen", async () => {
  const x = { shape: [2, 2], data: ["grüß", "", "🌊", "a"] };
  expect((await client.infer("same-bytes", { x })).outputs["y"]?.data).toEqual(x.data);
  const wishes = { outputs: ["label"], parameters: { priority: 1 }, version: "1.0.0" };
  const { outputs } = await client.infer("churn", { features: row }, wishes);
  expect(outputs).toEqual({ label: { datatype: "INT64", shape: [1], data: BigInt64Array.of(1n) } });
});

test("answers, readiness and metadata are those of REST", async () => {
  const { outputs } = await client.infer("churn", { features: row });
  expect(outputs).toEqual((await rest.infer("churn", { features: row })).outputs);
  expect(await client.metadata("churn")).toEqual(await rest.metadata("churn"));
  expect([await client.ready(), await client.ready("churn"), await client.ready("nobody")]).toEqual(
    [true, true, false],
  );
});

test("a fault has the server's code, status and request", async () => {
  const old = { ...row, data: Float32Array.of(451, 12, 79.5, 954) };
  const asked = client.infer("churn", { features: old }, { requestId: "g-2" });
  await expect(asked).rejects.toMatchObject({
    code: "INVALID_INPUT",
    status: 400,
    message: expect.stringContaining("0 to 120"),
    requestId: "g-2",
    isRetryable: false,
  });
  await expect(client.infer("nobody", { x: row })).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    status: 404,
  });
  const version = client.infer("churn", { features: row }, { version: "9.9.9" });
  await expect(version).rejects.toMatchObject({ code: "VERSION_NOT_FOUND" });
});

test("many calls share one connection", async () => {
  const inputs = Array.from({ length: 300 }, (_, index) => Float32Array.of(index, -index));
  const asked = inputs.map((data) => client.infer("same-fp32", { x: { shape: [1, 2], data } }));
  const answers = await Promise.all(asked);
  expect(answers.map(({ outputs }) => outputs["y"]?.data)).toEqual(inputs);
});

test("a deadline and a caller who leaves end the call, here and at the server", async () => {
  const x = { shape: [1, 1], data: Float32Array.of(slowSteps) };
  const late = client.infer("slow", { x }, { timeoutMs: 100, retry: { attemptsMax: 1 } });
  await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  const leaving = new AbortController();
  const left = client.infer("slow", { x }, { signal: leaving.signal });
  setTimeout(() => leaving.abort(), 50);
  await expect(left).rejects.toMatchObject({ code: "CANCELLED" });
  await until(async () => {
    const { text } = await get(`${server.url}/metrics`);
    // The late one counts as cancelled too where its reset came before the server's own look.
    return /model="slow",version="1",door="grpc",code="CANCELLED"\} [12]\b/.test(text);
  }, 10_000);
});

test("a server that is gone is CONNECTION_FAILED", async () => {
  const other = await startBuilt([`${root}/models/churn`]);
  const caller = createGrpcClient({ url: `http://${other.grpc}`, retry: { backoffMsMin: 1 } });
  expect((await caller.infer("churn", { features: row })).version).toBe("1.0.0");
  await other.stop("SIGKILL");
  const gone = caller.infer("churn", { features: row });
  await expect(gone).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  caller.close();
});

describe.skipIf(!hasOpenssl())("TLS (skipped where openssl is missing)", () => {
  test("trusts whom it is told to, and shows its certificate where one is asked for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-client-tls-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const at = (name: string): string => join(folder, name);
    for (const name of ["server", "caller"]) {
      const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
      const files = ["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)];
      execFileSync("openssl", [...words, ...subject, ...files], { stdio: "ignore" });
    }
    const settings = [`tlsCert=${at("server.pem")}`, `tlsKey=${at("server.key")}`];
    const words = [...settings, `tlsClientCa=${at("caller.pem")}`];
    const secured = await startBuilt([
      `${root}/models/churn`,
      ...words.flatMap((each) => ["--set", `grpc.${each}`]),
    ]);
    onTestFinished(async () => void (await secured.stop("SIGKILL")));
    const text = (name: string): string => readFileSync(at(name), "utf8");
    const known = { ca: text("server.pem"), cert: text("caller.pem"), key: text("caller.key") };
    const url = `https://${secured.grpc}`;
    const ask = async (options: object): Promise<string> => {
      const caller = createGrpcClient({ url, retry: { attemptsMax: 1 }, ...options });
      try {
        return (await caller.infer("churn", { features: row }, { timeoutMs: 10_000 })).version;
      } catch (thrown) {
        return String(Reflect.get(Object(thrown), "code"));
      } finally {
        caller.close();
      }
    };
    expect(await ask({ tls: known })).toBe("1.0.0");
    expect(await ask({ tls: { ca: known.ca } })).toBe("CONNECTION_FAILED");
    expect(await ask({})).toBe("CONNECTION_FAILED");
    expect(await ask({ url: `http://${secured.grpc}`, tls: known })).toBe("CONNECTION_FAILED");
  });
});
