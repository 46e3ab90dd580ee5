// Goal: where and to whom the built server listens is what its flags and settings say.
// Method: servers with a Unix socket, with named origins, and with one dialect, asked from outside.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { get, post, root, startBuilt } from "../support/built-server.ts";

const model = join(root, "models/churn");
const folder = mkdtempSync(join(tmpdir(), "millrace-listening-"));
const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** POSTs JSON over a Unix socket. */
function postOver(socketPath: string, path: string, body: unknown): Promise<unknown> {
  return new Promise((done, failed) => {
    const headers = { "content-type": "application/json" };
    const asked = request({ socketPath, path, method: "POST", headers }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        text += chunk;
      });
      reply.on("end", () => done(JSON.parse(text)));
    });
    asked.on("error", failed);
    asked.end(JSON.stringify(body));
  });
}

test.skipIf(process.platform === "win32")("listens on a Unix socket beside the port", async () => {
  const path = join(folder, "millrace.sock");
  const server = await startBuilt([model, "--unix-socket", path]);
  try {
    const overPort = await post(`${server.url}/predict`, row);
    const overSocket = await postOver(path, "/predict", row);
    expect(overPort.body).toMatchObject({ prediction: 1 });
    expect(overSocket).toMatchObject({ prediction: 1, model_name: "churn" });
  } finally {
    expect(await server.stop()).toBe(0);
  }
  expect(existsSync(path)).toBe(false);
});

test("lets pages of a named origin call, and no others", async () => {
  const env = { MILLRACE_CORS_ORIGINS: "https://app.example http://localhost:3000" };
  const server = await startBuilt([model], { env });
  try {
    const origin = "http://localhost:3000";
    const reply = await post(`${server.url}/predict`, row, { origin });
    expect(reply.headers.get("access-control-allow-origin")).toBe(origin);
    const other = await post(`${server.url}/predict`, row, { origin: "http://localhost:3001" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  } finally {
    await server.stop();
  }
});

test("a listener of one platform has its routes and no others", async () => {
  const server = await startBuilt([model, "--set", "server.dialects=sagemaker"]);
  try {
    const csv = await fetch(`${server.url}/invocations`, {
      method: "POST",
      headers: { "content-type": "text/csv", accept: "text/csv" },
      body: "45,12,79.5,954",
    });
    expect([csv.status, await csv.text()]).toEqual([200, "1\n"]);
    expect((await get(`${server.url}/models`)).body).toEqual({
      models: [{ modelName: "churn", modelUrl: "model.onnx" }],
    });
    const loaded = await post(`${server.url}/models`, { model_name: "churn", url: "s3://x" });
    expect([loaded.status, loaded.headers.get("x-error-code")]).toEqual([409, "ALREADY_EXISTS"]);
    expect((await get(`${server.url}/ping`)).status).toBe(200);
    for (const path of ["/predict", "/v2/models/churn/infer", "/v1/models/churn:predict"]) {
      expect((await post(server.url + path, row)).status, path).toBe(404);
    }
    const metrics = await get(`${server.url}/metrics`, { accept: "text/plain" });
    expect(metrics.text).toContain('door="rest"');
  } finally {
    await server.stop();
  }
});
