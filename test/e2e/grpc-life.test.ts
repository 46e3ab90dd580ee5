// Goal: the gRPC door starts, is secured, and stops as the settings say. Method: the built server
// with its flags; a foreign client; certificates made for the test by openssl.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { afterAll, describe, expect, test } from "vitest";
import { type BuiltServer, builtMain, root, startBuilt } from "../support/built-server.ts";
import { hasOpenssl } from "../support/certificates.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";
import { ask, openSession } from "../support/http2-client.ts";
import { callWeb } from "../support/web-client.ts";

const churn = join(root, "models/churn");
const health = "grpc.health.v1.Health";
const oip = "inference.GRPCInferenceService";
const started: BuiltServer[] = [];
const request = {
  model_name: "churn",
  inputs: [
    {
      ...{ name: "features", datatype: "FP32", shape: [1, 4] },
      contents: { fp32_contents: [45, 12, 79.5, 954] },
    },
  ],
};

async function start(args: readonly string[] = []): Promise<BuiltServer> {
  const server = await startBuilt([churn, ...args]);
  started.push(server);
  return server;
}

afterAll(async () => {
  await Promise.all(started.map((server) => server.stop("SIGKILL")));
});

test("a stop is told to watchers, serves on for the delay, ends streams, exit 0", async () => {
  const server = await start(["--set", "limits.drainDelayMs=1500"]);
  const client = new GrpcClient(server.grpc);
  expect((await client.call(`${oip}/ModelInfer`, request)).code).toBe(0);
  const watch = client.watch(`${health}/Watch`, {});
  const statuses: unknown[] = [];
  const isOver = new Promise((done) => watch.once("status", done));
  watch.on("data", (message: Plain) => statuses.push(message["status"]));
  const stream = client.open(`${oip}/ModelStreamInfer`);
  const replies: unknown[] = [];
  stream.on("data", (reply: unknown) => replies.push(reply));
  stream.write(request);
  while (replies.length === 0) await new Promise((done) => setTimeout(done, 10));
  const ended = server.stop("SIGTERM");
  await new Promise((done) => setTimeout(done, 300));
  const check = await client.call(`${health}/Check`, {});
  expect(check.reply["status"]).toBe("NOT_SERVING");
  expect((await client.call(`${oip}/ModelInfer`, request)).code).toBe(0);
  await isOver;
  expect(statuses).toEqual(["SERVING", "NOT_SERVING"]);
  expect(await ended).toBe(0);
  client.close();
});

test("--no-grpc opens no door; a taken port ends the start with what to do", async () => {
  const server = await start(["--no-grpc"]);
  expect(server.grpc).toBe("");
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const words = ["--host", "127.0.0.1", "--port", "0", "--grpc-port", String(port)];
  const child = spawn(process.execPath, [builtMain, "serve", churn, ...words]);
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += String(chunk);
  });
  const code = await new Promise((done) => child.once("exit", done));
  taken.close();
  expect(code).toBe(1);
  expect(output).toContain(`port ${port} is taken: name another with --grpc-port`);
  expect(output).toContain("--no-grpc");
});

test("with grpc.web false callers of gRPC alone get through", async () => {
  const server = await start(["--set", "grpc.web=false"]);
  await expect(callWeb(server.grpc, `${oip}/ServerLive`, {})).rejects.toThrow("fetch failed");
  const client = new GrpcClient(server.grpc);
  expect((await client.call(`${oip}/ServerLive`, {})).code).toBe(0);
  client.close();
});

test("without reflection its services are unknown", async () => {
  const server = await start(["--set", "grpc.reflection=false"]);
  const client = new GrpcClient(server.grpc);
  const path = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  expect((await client.exchange(path, [{ list_services: "" }])).code).toBe(12);
  client.close();
});

describe.skipIf(!hasOpenssl())("TLS (skipped where openssl is missing)", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-tls-"));
  const at = (name: string): string => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true }));

  function makeCertificate(name: string): void {
    const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const files = ["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)];
    execFileSync("openssl", [...words, ...subject, ...files], { stdio: "ignore" });
  }

  test("a caller without the certificate that is asked for is not let in", async () => {
    for (const name of ["server", "caller", "stranger"]) makeCertificate(name);
    const settings = {
      "grpc.tlsCert": at("server.pem"),
      "grpc.tlsKey": at("server.key"),
      "grpc.tlsClientCa": at("caller.pem"),
    };
    const words = Object.entries(settings).flatMap(([name, path]) => ["--set", `${name}=${path}`]);
    const server = await start(words);
    const authority = readFileSync(at("server.pem"));
    const as = (name: string) =>
      credentials.createSsl(
        authority,
        readFileSync(at(`${name}.key`)),
        readFileSync(at(`${name}.pem`)),
      );
    const known = new GrpcClient(server.grpc, as("caller"));
    expect((await known.call(`${oip}/ModelInfer`, request)).code).toBe(0);
    for (const each of [as("stranger"), credentials.createSsl(authority), undefined]) {
      const other = new GrpcClient(server.grpc, each);
      expect((await other.call(`${oip}/ServerLive`, {}, { deadlineMs: 3_000 })).code).not.toBe(0);
      other.close();
    }
    known.close();
  });

  test("a page calls over TLS, beside callers of gRPC", async () => {
    makeCertificate("web");
    const server = await start([
      ...["--set", `grpc.tlsCert=${at("web.pem")}`, "--set", `grpc.tlsKey=${at("web.key")}`],
      ...["--set", "cors.origins=https://app.example"],
    ]);
    const authority = readFileSync(at("web.pem"));
    const [host = "", port = ""] = server.grpc.split(":");
    const place = { host, port: Number(port), ca: authority };
    const session = openSession(`https://${server.grpc}`, { ca: authority });
    const head = { ":method": "POST", ":path": `/${oip}/ServerLive` };
    const type = { "content-type": "application/grpc-web" };
    const heard = await ask(session, { ...head, ...type }, (stream) => {
      stream.end(Buffer.alloc(5));
    });
    expect(heard.text).toContain("grpc-status: 0");
    session.destroy();
    const socket = connect({ ...place, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe("http/1.1");
    socket.write(
      `POST /${oip}/ServerLive HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n` +
        "content-type: application/grpc-web\r\n\r\n\0\0\0\0\0",
    );
    const [reply] = await once(socket, "data");
    expect(String(reply)).toContain("grpc-status: 0");
    socket.destroy();
    const client = new GrpcClient(server.grpc, credentials.createSsl(authority));
    expect((await client.call(`${oip}/ServerLive`, {})).code).toBe(0);
    client.close();
  });

  test("half of the settings, or a file that is not there, ends the start with its name", () => {
    const run = (settings: readonly string[]): string => {
      const words = settings.flatMap((each) => ["--set", each]);
      try {
        execFileSync(process.execPath, [builtMain, "serve", churn, "--port", "0", ...words], {
          stdio: "pipe",
          timeout: 10_000,
        });
      } catch (thrown) {
        return String((thrown as { stderr: Buffer }).stderr);
      }
      return "started";
    };
    expect(run(["grpc.tlsCert=/nowhere.pem"])).toContain("both are needed");
    const both = ["grpc.tlsCert=/nowhere.pem", "grpc.tlsKey=/nowhere.key"];
    expect(run(both)).toContain("grpc.tlsCert: /nowhere.pem cannot be read (ENOENT)");
  });
});
