// Goal: requests come in over a Unix socket as over the port, a path is never taken by accident,
// and it is gone when the server is. Method: doors on paths in a folder of the test's own.
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { openRestRig, type RestRig } from "../../../../../test/support/rest-rig.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-unix-"));
const rigs: RestRig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(unixSocket: string): Promise<RestRig> {
  const rig = await openRestRig([], {}, { unixSocket });
  rigs.push(rig);
  return rig;
}

/** `GET /health/live` over the socket. */
function ask(socketPath: string): Promise<[number | undefined, string]> {
  return new Promise((done, failed) => {
    const asked = request({ socketPath, path: "/health/live", agent: false }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        text += chunk;
      });
      reply.on("end", () => done([reply.statusCode, text]));
    });
    asked.on("error", failed);
    asked.end();
  });
}

test.runIf(process.platform !== "win32")("answers on the socket and on the port", async () => {
  const path = join(folder, "a.sock");
  const rig = await open(path);
  expect(await ask(path)).toEqual([200, '{"status":"alive"}']);
  expect((await fetch(`${rig.url}/health/live`)).status).toBe(200);
  await rig.close();
  expect(existsSync(path)).toBe(false);
});

test.runIf(process.platform !== "win32")("takes the path of a server that is gone", async () => {
  const path = join(folder, "b.sock");
  const left = createServer();
  await new Promise<void>((done) => left.listen(path, done));
  await expect(open(path)).rejects.toThrow("is taken by another server");
  await new Promise((done) => left.close(done));
  // What a killed server leaves: a socket that nobody answers on.
  await leaveSocket(path);
  expect(existsSync(path)).toBe(true);
  await open(path);
  expect((await ask(path))[0]).toBe(200);
});

test("refuses a path that is a file, and one that is too long", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "kept");
  await expect(open(path)).rejects.toThrow("is there and is no socket");
  expect(existsSync(path)).toBe(true);
  await expect(open(`/tmp/${"x".repeat(100)}`)).rejects.toThrow("is longer than 100 bytes");
});

test.runIf(process.platform !== "win32")("names the path that cannot be had", async () => {
  const path = join(folder, "none", "d.sock");
  const why = "has a folder that is not there: name another path";
  await expect(open(path)).rejects.toThrow(`server.unixSocket: ${path} ${why}`);
  const link = join(folder, "link");
  symlinkSync(link, link);
  await expect(open(join(link, "d.sock"))).rejects.toThrow("server.unixSocket: ");
});

/** Leaves a dead socket at `path`, as SIGKILL does. */
async function leaveSocket(path: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const end = '() => process.kill(process.pid, "SIGKILL")';
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, ${end})`;
  await new Promise((done) => spawn(process.execPath, ["-e", script]).once("exit", done));
}
