/**
 * Runs `connect-web` and `grpc-web` from Node and from a page in Chromium, over HTTP/1.1 and,
 * inside TLS, over HTTP/2.
 *
 * The libraries are bundled for both with the cases beside (`web/`). A server of its own, because
 * the page's origin has to be named at its start.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { connect } from "node:tls";
import { freePort, type StartedServer, startServer } from "../demo/started-server.ts";
import { descriptorSet } from "../generate/descriptors.ts";
import { type Report, run } from "./report.ts";
import { root } from "./server.ts";
import type { Visit } from "./visit.ts";

const packages = [
  ...["@connectrpc/connect@2.3.0", "@connectrpc/connect-web@2.3.0", "@bufbuild/protobuf@2.17.0"],
  ...["grpc-web@2.1.1", "google-protobuf@4.0.3", "esbuild@0.28.2"],
];
const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const descriptors = (): string => descriptorSet().toString("base64");
const pageMsMax = 60_000;

type Lines = readonly (readonly [name: string, why: string])[];

/** Every case of both libraries, in each place where it runs. */
export async function runWebClients({ environments, report }: Visit): Promise<void> {
  const home = environments.folder("web-clients");
  const bundles = await bundle(home);
  if (bundles === undefined) {
    report.fail("web-clients", "the packages could not be had");
    return;
  }
  const page = await servePage(readFileSync(bundles.page));
  const origins = ["--set", `cors.origins=${page.origin}`];
  const plain = await startOne(origins);
  const secure = await startOne([...origins, ...certificate(home)]);
  try {
    const base = `http://127.0.0.1:${plain.port}`;
    const args = [bundles.node, base, descriptors()];
    const ended = await run({ command: process.execPath, args });
    if (ended.code !== 0) report.fail("connect-web in Node", ended.output);
    else tell(report, prefixed("connect-web in Node", JSON.parse(ended.output) as Lines));
    const chosen = await protocolOf(secure.port);
    const inside = `https://127.0.0.1:${secure.port}`;
    tell(report, [["TLS chooses HTTP/2", chosen === "h2" ? "" : chosen]]);
    await runPage({ page, home, report, places: { "HTTP/1.1": base, "HTTP/2": inside } });
  } finally {
    page.close();
    await Promise.all([plain.server.stop(), secure.server.stop()]);
  }
}

/** Installs the libraries and puts them together with the cases. */
async function bundle(home: string): Promise<{ page: string; node: string } | undefined> {
  const npm = ["install", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund"];
  const installed = await run({ command: "npm", args: [...npm, ...packages] });
  if (installed.code !== 0) return undefined;
  const folder = join(home, "source");
  mkdirSync(folder, { recursive: true });
  for (const name of ["cases.js", "page.js", "node.js"]) {
    copyFileSync(join(import.meta.dirname, "web", name), join(folder, name));
  }
  const command = join(home, "node_modules/.bin/esbuild");
  const made = { page: join(home, "page.js"), node: join(home, "node.mjs") };
  for (const [kind, platform] of [
    ["page", "browser"],
    ["node", "node"],
  ] as const) {
    const from = join(folder, `${kind}.js`);
    const words = ["--bundle", "--format=esm", `--platform=${platform}`];
    const ended = await run({ command, args: [from, ...words, `--outfile=${made[kind]}`] });
    if (ended.code !== 0) return undefined;
  }
  return made;
}

async function startOne(
  words: readonly string[],
): Promise<{ server: StartedServer; port: number }> {
  const port = await freePort(8_001);
  const models = join(root, "models");
  return { port, server: await startServer(models, ["--grpc-port", String(port), ...words]) };
}

/** Settings of a certificate that is made for the run. */
function certificate(home: string): string[] {
  const [cert, key] = [join(home, "page.pem"), join(home, "page.key")];
  const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...words, ...subject, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  return ["--set", `grpc.tlsCert=${cert}`, "--set", `grpc.tlsKey=${key}`];
}

/** What the port chooses for one who offers what browsers do. */
async function protocolOf(port: number): Promise<string> {
  const offered = { ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false };
  const socket = connect({ host: "127.0.0.1", port, ...offered });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("secureConnect", () => resolve(String(socket.alpnProtocol)));
  socket.once("error", (error) => resolve(error.message));
  const chosen = await promise;
  socket.destroy();
  return chosen;
}

interface Page {
  readonly origin: string;
  /** What it is told to call. */
  asked: string;
  readonly told: Promise<string>;
  close(): void;
}

async function servePage(script: Buffer): Promise<Page> {
  const { promise: told, resolve } = Promise.withResolvers<string>();
  let page: Page | undefined;
  const server = createServer((request, reply) => {
    if (request.url === "/told") {
      void textOf(request).then(resolve);
      reply.end();
    } else if (request.url === "/asked") reply.end(page?.asked);
    else if (request.url === "/page.js") {
      reply.setHeader("content-type", "text/javascript").end(script);
    } else
      reply
        .setHeader("content-type", "text/html")
        .end(`<script type=module src=/page.js></script>`);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  page = { origin: `http://127.0.0.1:${port}`, asked: "", told, close };
  return page;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

interface PageRun {
  readonly page: Page;
  readonly home: string;
  readonly report: Report;
  readonly places: Readonly<Record<string, string>>;
}

async function runPage({ page, home, report, places }: PageRun): Promise<void> {
  const browser = browsers.find((path) => existsSync(path));
  if (browser === undefined) {
    report.skip("a page", "no Chromium is installed");
    return;
  }
  page.asked = JSON.stringify({ places, descriptors: descriptors() });
  const words = [
    ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    ...["--no-first-run", "--remote-debugging-port=0", "--ignore-certificate-errors"],
    ...[`--user-data-dir=${join(home, "profile")}`, page.origin],
  ];
  const chromium: ChildProcess = spawn(browser, words, { stdio: "ignore", detached: true });
  try {
    const late = new Promise<string>((done) => setTimeout(() => done("late"), pageMsMax).unref());
    const text = await Promise.race([page.told, late]);
    if (text === "late") report.fail("a page", `told nothing in ${pageMsMax} ms`);
    else tell(report, JSON.parse(text) as Lines);
  } finally {
    if (chromium.pid !== undefined) process.kill(-chromium.pid, "SIGKILL");
  }
}

function prefixed(name: string, lines: Lines): Lines {
  return lines.map(([what, why]) => [`${name}: ${what}`, why]);
}

function tell(report: Report, lines: Lines): void {
  for (const [name, why] of lines) {
    if (why === "") report.pass(name);
    else report.fail(name, why);
  }
}
