// Goal: each door finds a version by the names that folder or operator gave it, and a request
// without a version gets the one named stable. Method: a repository of two versions of a demo model
// behind the built server; the replies tell which version answered.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtMain, get, post, root, startBuilt } from "../support/built-server.ts";

const repository = mkdtempSync(join(tmpdir(), "millrace-aliases-"));
const artifact = join(root, "models/churn/1.0.0/model.onnx");
for (const version of ["1.2.0", "1.10.0"]) {
  mkdirSync(join(repository, "churn", version), { recursive: true });
  cpSync(artifact, join(repository, "churn", version, "model.onnx"));
}
writeFileSync(join(repository, "churn/aliases.yaml"), "stable: 1.2.0\nnext: 1.10.0\n");
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const row = [45, 12, 79.5, 954];
const tensor = { name: "features", shape: [1, 4], datatype: "FP32", data: row };

/** The version that answers over each door; `undefined` asks for none. */
async function answering(url: string, version: string | undefined): Promise<unknown[]> {
  const query = version === undefined ? "" : `?model_version=${version}`;
  const path = version === undefined ? "" : `/versions/${version}`;
  const named = version === undefined ? {} : { model_version: version };
  const header: Record<string, string> =
    version === undefined ? {} : { "x-model-version": version };
  const replies = [
    await post(`${url}/predict${query}`, { features: row }),
    await post(`${url}/predict`, { features: row }, header),
    await post(`${url}/predict`, { input_data: [row], ...named }),
    await post(`${url}/v2/models/churn${path}/infer`, { inputs: [tensor] }),
  ];
  const list = await post(`${url}/batch_predict`, [{ input_data: [row], ...named }]);
  const bodies = [...replies.map(({ body }) => body), (list.body as unknown[])[0]];
  return [...new Set(bodies.map((body) => (body as { model_version: unknown }).model_version))];
}

test("versions have names, and the one named stable answers by default", async () => {
  const server = await startBuilt([repository]);
  const { url } = server;
  try {
    expect(await answering(url, undefined)).toEqual(["1.2.0"]);
    expect(await answering(url, "stable")).toEqual(["1.2.0"]);
    expect(await answering(url, "latest")).toEqual(["1.10.0"]);
    expect(await answering(url, "next")).toEqual(["1.10.0"]);
    expect(await answering(url, "1.10.0")).toEqual(["1.10.0"]);
    const unknown = await post(`${url}/v2/models/churn/versions/old/infer`, { inputs: [tensor] });
    expect(unknown.status).toBe(404);
    expect(unknown.text).toContain("has no version 'old': it has stable, next, 1.2.0, 1.10.0");
    const { body } = await get(`${url}/models/churn`);
    const aliases = { stable: "1.2.0", next: "1.10.0" };
    expect(body).toMatchObject({ version: "1.2.0", aliases });
    expect((await get(`${url}/v2/models/churn/versions/stable/ready`)).status).toBe(200);
  } finally {
    await server.stop();
  }
});

test("the operator's word wins over the folder's", async () => {
  const moved = ["--set", "models.aliases=churn/stable=1.10.0"];
  const server = await startBuilt([repository, ...moved]);
  try {
    expect(await answering(server.url, undefined)).toEqual(["1.10.0"]);
  } finally {
    await server.stop();
  }
  const latest = await startBuilt([repository, "--set", "models.defaultVersion=latest"]);
  try {
    expect(await answering(latest.url, undefined)).toEqual(["1.10.0"]);
    expect(await answering(latest.url, "stable")).toEqual(["1.2.0"]);
  } finally {
    await latest.stop();
  }
});

test("an alias of what there is not ends the start with a line that says so", () => {
  const set = ["--set", "models.aliases=churn/stable=3"];
  const words = [builtMain, "serve", repository, "--port", "0", ...set];
  const env = { ...process.env, MILLRACE_CACHE_FOLDER: join(repository, ".cache") };
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", env });
  expect(status).toBe(1);
  expect(stderr).toContain("alias 'stable' of model 'churn': got version '3', expected one it has");
});
