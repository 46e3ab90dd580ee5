// Goal: pages of named origins may call and read the answers, others not, and without a setting
// nothing changes. Method: doors with each setting, requests as browsers send them.
import { afterEach, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../test/support/rest-rig.ts";
import type { Tensor } from "../../tensor/index.ts";

const model = {
  name: "echo",
  inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] })],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2] })],
  run: ({ inputs }: { inputs: readonly (Tensor | undefined)[] }) => [inputs[0] as Tensor],
};
const app = "https://app.example";
const rigs: RestRig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

async function open(...origins: string[]): Promise<string> {
  const rig = await openRestRig([model], {}, { cors: { origins, maxAgeS: 60 } });
  rigs.push(rig);
  return rig.url;
}

function preflight(url: string, origin: string, headers = "content-type,x-model") {
  return fetch(`${url}/predict`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": headers,
    },
  });
}

test("answers the preflight of a named origin, and lets its pages read every answer", async () => {
  const url = await open("https://other.example", app);
  const asked = await preflight(url, app);
  expect(asked.status).toBe(200);
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    "access-control-allow-origin": app,
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": "content-type,x-model",
    "access-control-max-age": "60",
    vary: "origin",
  });
  const headers = { origin: app, "content-type": "application/json" };
  for (const body of ['{"features":[1,2]}', "{"]) {
    const reply = await fetch(`${url}/predict`, { method: "POST", headers, body });
    expect(reply.headers.get("access-control-allow-origin")).toBe(app);
    expect(reply.headers.get("access-control-expose-headers")).toContain("x-request-id");
    expect(reply.status).toBe(body === "{" ? 400 : 200);
  }
  const stream = await fetch(`${url}/predict/stream`, {
    method: "POST",
    headers,
    body: '{"instances":[[1,2]]}',
  });
  expect(stream.headers.get("access-control-allow-origin")).toBe(app);
  expect(stream.headers.get("access-control-expose-headers")).toContain("x-stream-id");
  await stream.text();
  const events = await fetch(`${url}/predict/stream`, {
    method: "POST",
    headers: { ...headers, accept: "text/event-stream" },
    body: '{"instances":[[1,2]]}',
  });
  expect(events.headers.get("x-stream-id")).not.toBeNull();
  expect(events.headers.get("access-control-expose-headers")).toContain("x-stream-id");
  await events.text();
});

test("refuses the preflight of another origin and gives its pages nothing to read", async () => {
  const url = await open(app);
  const asked = await preflight(url, "https://evil.example");
  expect([asked.status, await asked.json()]).toMatchObject([
    403,
    { code: "PERMISSION_DENIED", field: "origin" },
  ]);
  expect(asked.headers.get("access-control-allow-origin")).toBeNull();
  const reply = await fetch(`${url}/health`, { headers: { origin: "https://evil.example" } });
  expect(reply.headers.get("access-control-allow-origin")).toBeNull();
});

test("any origin may be allowed; header names that are none are not repeated", async () => {
  const url = await open("*");
  const asked = await preflight(url, "null", "a:b");
  expect(asked.headers.get("access-control-allow-origin")).toBe("*");
  expect(asked.headers.get("access-control-allow-headers")).toBe("content-type");
  const plain = await fetch(`${url}/health`);
  expect(plain.headers.get("access-control-allow-origin")).toBeNull();
});

test("is off when no origin is named", async () => {
  const url = await open();
  expect((await preflight(url, app)).status).toBe(405);
  const reply = await fetch(`${url}/health`, { headers: { origin: app } });
  expect(reply.headers.get("access-control-allow-origin")).toBeNull();
});
