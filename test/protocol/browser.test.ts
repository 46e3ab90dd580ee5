// Goal: a page in a real browser reads streams by fetch, EventSource and WebSocket, and a page of
// another host opens no socket; a page of a named origin calls gRPC-Web on the gRPC port, and no
// other page does. Method: Chromium, where it is installed, on a page that comes from
// the server's own address: a small relay serves the page and passes all else on.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../support/built-server.ts";

const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const browser = browsers.find((path) => existsSync(path));
if (browser === undefined) process.stdout.write("skipped: no Chromium is installed\n");

const page = readFileSync(join(import.meta.dirname, "browser", "page.html"));

/** Serves the page at `/page`; other connections go to `port` as they are. */
async function relay(port: number): Promise<{ readonly port: number; close(): void }> {
  // One entry for each connection of the page.
  const sockets = new Set<Socket>();
  const head = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n`;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (first) => {
      if (String(first).startsWith("GET /page")) {
        socket.end(`${head}${page}`);
        return;
      }
      const onward = connect(port, "127.0.0.1");
      sockets.add(onward);
      onward.on("error", () => socket.destroy());
      socket.on("close", () => onward.destroy());
      onward.write(first);
      onward.pipe(socket);
      socket.pipe(onward);
    });
  });
  const close = (): void => {
    for (const each of sockets) each.destroy();
    server.close();
  };
  return { port: await listening(server), close };
}

/** Takes what the page found out, at a port of its own. */
async function takeResults() {
  const { promise: results, resolve } = Promise.withResolvers<unknown>();
  const server = createHttpServer((request, response) => {
    let text = "";
    request.on("data", (bytes) => {
      text += String(bytes);
    });
    request.on("end", () => {
      response.end();
      if (text !== "") resolve(JSON.parse(text));
    });
  });
  return { port: await listening(server), results, close: () => server.close() };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function openPage(url: string, folder: string): ChildProcess {
  const words = [
    ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    ...["--no-first-run", "--remote-debugging-port=0", `--user-data-dir=${folder}`, url],
  ];
  return spawn(browser ?? "", words, { stdio: "ignore", detached: true });
}

function portOf({ grpc }: BuiltServer): string {
  return grpc.split(":")[1] ?? "";
}

test.skipIf(browser === undefined)(
  "a page reads lines, events, sockets and gRPC-Web, and no page of another host does",
  async () => {
    const models = [join(root, "models", "churn")];
    const server = await startBuilt(models);
    const [between, told] = await Promise.all([relay(server.port), takeResults()]);
    const origin = `http://127.0.0.1:${between.port}`;
    const named = await startBuilt(models, { env: { MILLRACE_CORS_ORIGINS: origin } });
    const folder = mkdtempSync(join(tmpdir(), "millrace-browser-"));
    const ports = `results=${told.port}&grpc=${portOf(named)}&closed=${portOf(server)}`;
    const chromium = openPage(`${origin}/page?${ports}`, folder);
    try {
      const late = new Promise((done) => setTimeout(() => done("the page told nothing"), 60_000));
      expect(await Promise.race([told.results, late])).toEqual({
        lines: 50,
        events: 50,
        socket: 20,
        foreign: "refused",
        grpcWeb: "1 message, status 0",
        grpcWebText: "1 message, status 0",
        grpcWebStream: "0 0 0 0 2 8 1",
        grpcWebClosed: "TypeError: Failed to fetch",
      });
    } finally {
      if (chromium.pid !== undefined) process.kill(-chromium.pid, "SIGKILL");
      between.close();
      told.close();
      await Promise.all([server.stop(), named.stop()]);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);
