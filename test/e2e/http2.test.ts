// Goal: whoever speaks HTTP/2 to the REST port, in cleartext or over TLS, is answered as over
// HTTP/1. Method: the built server; Node's client, and curl where there is one; certificates made
// by openssl.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get as httpsGet } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, builtMain, post, root, startBuilt } from "../support/built-server.ts";
import { hasOpenssl } from "../support/certificates.ts";
import { ask, type Heard, openSession, posting } from "../support/http2-client.ts";

const models = join(root, "models");
const churn = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
let server: BuiltServer;

beforeAll(async () => {
  server = await startBuilt([models, "--set", "cors.origins=https://app.example"]);
});
afterAll(async () => {
  await server?.stop("SIGKILL");
});

/** One request on a connection of its own. */
async function once(
  path: string,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Heard> {
  const session = openSession(server.url);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const heard = await ask(session, posting(path, more), (stream) => void stream.end(text));
  session.destroy();
  return heard;
}

/** What may differ between two answers to the same request. */
function plain(text: string): string {
  return text
    .replaceAll(/"(latency_ms|inference_time_ms)":[\d.]+/g, '"$1":0')
    .replaceAll(/"request_id":"[^"]*"/g, '"request_id":""');
}

const cases: readonly [string, string, unknown, Record<string, string>][] = [
  ["simple", "/predict?model=churn", churn, {}],
  ["a fault", "/predict?model=churn", { age: "x" }, {}],
  ["no JSON", "/predict?model=churn", "[", {}],
  ["another type", "/predict?model=churn", churn, { "content-type": "text/html" }],
  ["no model", "/predict?model=nobody", churn, {}],
  ["no route", "/nowhere", churn, {}],
  ["a batch", "/batch_predict?model=churn", { instances: [churn, { age: "x" }] }, {}],
  ["lines", "/predict/stream?model=churn", { instances: [churn, churn] }, {}],
  [
    "events",
    "/predict/stream?model=churn",
    { instances: [churn, churn] },
    { accept: "text/event-stream" },
  ],
  ["TensorFlow Serving", "/v1/models/churn:predict", { instances: [[45, 12, 79.5, 954]] }, {}],
];

test.each(cases)("%s: the answer is that of HTTP/1", async (_, path, body, headers) => {
  const [second, first] = [
    await once(path, body, headers),
    await post(server.url + path, body, headers),
  ];
  expect([second.status, plain(second.text)]).toEqual([first.status, plain(first.text)]);
  for (const name of ["content-type", "x-error-code", "x-items-failed"]) {
    expect(second.headers[name] ?? null).toBe(first.headers.get(name));
  }
});

test("ids, times, compression and other origins are those of HTTP/1 too", async () => {
  const instances = Array.from({ length: 200 }, () => churn);
  const { status, headers, text } = await once(
    "/predict?model=churn",
    { instances },
    { "x-request-id": "mine", origin: "https://app.example", "accept-encoding": "gzip" },
  );
  expect(status).toBe(200);
  expect(text.length).toBeGreaterThan(0);
  expect(headers["x-request-id"]).toBe("mine");
  expect(headers["content-encoding"]).toBe("gzip");
  expect(headers["access-control-allow-origin"]).toBe("https://app.example");
  expect(headers["vary"]).toBe("origin, accept-encoding");
  expect(headers["server-timing"]).toContain("inference;dur=");
});

test("a deadline of 0 has passed, one that is none is refused, a huge one is cut", async () => {
  const deadline = async (text: string): Promise<unknown> => {
    const own = { "x-request-timeout-ms": text };
    const { status, headers } = await once("/predict?model=churn", churn, own);
    return headers["x-error-code"] ?? status;
  };
  expect(await deadline("0")).toBe("DEADLINE_EXCEEDED");
  expect(await deadline("-1")).toBe("INVALID_REQUEST");
  expect(await deadline("soon")).toBe("INVALID_REQUEST");
  expect(await deadline("1e300")).toBe(200);
});

test("a drain answers what was accepted and ends the connection", async () => {
  const own = await startBuilt([models, "--set", "limits.drainDelayMs=0"]);
  const session = openSession(own.url);
  const closed = new Promise((done) => session.once("close", done));
  const body = JSON.stringify(churn);
  const path = posting("/predict?model=churn");
  expect((await ask(session, path, (stream) => void stream.end(body))).status).toBe(200);
  // Its head is in when the server is told to stop.
  let end: () => void = () => {};
  const late = ask(session, path, (stream) => {
    stream.write(body.slice(0, 10));
    end = () => stream.end(body.slice(10));
  });
  await new Promise((done) => setTimeout(done, 200));
  const code = own.stop("SIGTERM");
  await new Promise((done) => setTimeout(done, 200));
  end();
  expect((await late).status).toBe(200);
  expect(await code).toBe(0);
  await closed;
});

function hasCurl(): boolean {
  try {
    return String(execFileSync("curl", ["--version"])).includes("HTTP2");
  } catch {
    return false;
  }
}

function curl(words: readonly string[]): string {
  const told = ["-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
  return String(execFileSync("curl", [...told, "-d", JSON.stringify(churn), ...words]));
}

describe.skipIf(!hasCurl())("curl (skipped where there is none that speaks HTTP/2)", () => {
  test("is served in the version that it asks for, and an upgrade is left alone", () => {
    const url = `${server.url}/predict?model=churn`;
    expect(curl(["--http2-prior-knowledge", url])).toBe("2 200");
    expect(curl(["--http1.1", url])).toBe("1.1 200");
    expect(curl(["--http2", url])).toBe("1.1 200");
  });
});

describe.skipIf(!hasOpenssl())("TLS (skipped where openssl is missing)", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-tls-"));
  const at = (name: string): string => join(folder, name);
  const read = (name: string): Buffer => readFileSync(at(name));

  beforeAll(() => {
    for (const name of ["server", "caller", "stranger"]) {
      const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
      const files = ["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)];
      execFileSync("openssl", [...words, ...subject, ...files], { stdio: "ignore" });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const drain = ["--set", "limits.drainDelayMs=0"];
  const settings = (names: Record<string, string>): string[] =>
    Object.entries(names).flatMap(([name, path]) => ["--set", `server.${name}=${path}`]);
  const pair = () => ({ tlsCert: at("server.pem"), tlsKey: at("server.key") });

  /** The status over HTTP/1.1, or 0 when the connection was refused. */
  function status1(url: string, own: object): Promise<number> {
    return new Promise((done) => {
      const request = httpsGet(`${url}/health`, { ...own, agent: false }, (reply) => {
        reply.resume();
        done(reply.statusCode ?? 0);
      });
      request.once("error", () => done(0));
    });
  }

  test("both versions are offered, and what is no TLS is not answered", async () => {
    const ca = read("server.pem");
    const secure = await startBuilt([models, ...drain, ...settings(pair())], { tls: { ca } });
    expect(secure.output()).toContain(`${secure.url}`);
    const session = openSession(secure.url, { ca });
    const body = JSON.stringify(churn);
    const path = posting("/predict?model=churn");
    const heard = await ask(session, path, (stream) => void stream.end(body));
    expect(heard.status).toBe(200);
    expect(session.alpnProtocol).toBe("h2");
    session.destroy();
    expect(await status1(secure.url, { ca })).toBe(200);
    await expect(fetch(`http://127.0.0.1:${secure.port}/health`)).rejects.toThrow();
    if (hasCurl()) {
      const url = `${secure.url}/predict?model=churn`;
      expect(curl(["--cacert", at("server.pem"), "--http2", url])).toBe("2 200");
      expect(curl(["--cacert", at("server.pem"), "--http1.1", url])).toBe("1.1 200");
    }
    expect(await secure.stop()).toBe(0);
  });

  test("a caller without the certificate that is asked for is not let in", async () => {
    const known = { ca: read("server.pem"), cert: read("caller.pem"), key: read("caller.key") };
    const words = settings({ ...pair(), tlsClientCa: at("caller.pem") });
    const secure = await startBuilt([models, ...drain, ...words], { tls: known });
    const stranger = { ca: known.ca, cert: read("stranger.pem"), key: read("stranger.key") };
    expect(await status1(secure.url, known)).toBe(200);
    for (const own of [stranger, { ca: known.ca }]) expect(await status1(secure.url, own)).toBe(0);
    expect(await secure.stop()).toBe(0);
  });

  test("half of the settings, or a file that is not there, ends the start with its name", () => {
    const run = (names: Record<string, string>): string => {
      try {
        const words = [builtMain, "serve", models, "--port", "0", ...settings(names)];
        execFileSync(process.execPath, words, { stdio: "pipe", timeout: 10_000 });
      } catch (thrown) {
        return String((thrown as { stderr: Buffer }).stderr);
      }
      return "started";
    };
    expect(run({ tlsKey: "/nowhere.key" })).toContain("server.tlsCert and server.tlsKey: both are");
    const both = { tlsCert: "/nowhere.pem", tlsKey: "/nowhere.key" };
    expect(run(both)).toContain("server.tlsCert: /nowhere.pem cannot be read (ENOENT)");
  });
});
