/**
 * An echo that relays through a child process: what carrying a tensor to another process costs when
 * nothing is done with it.
 *
 * The whole body is gathered first, because no engine can start on half a tensor, and goes over a
 * Unix socket behind its length. Nothing is copied: the chunks are written as they were read, the
 * child sends every chunk back at once, and the front passes them on to the caller. A server that
 * runs a model has to do more than this, so the figure is a bound and not a rival.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Waiting {
  readonly response: ServerResponse;
  /** Bytes that are still to come back. */
  rest: number;
}

const folder = mkdtempSync(join(tmpdir(), "relay-"));
/** In the order in which bodies were written; at most one entry for each open connection. */
const waiting: Waiting[] = [];

function gather(request: IncomingMessage, response: ServerResponse, child: Socket): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  request.on("end", () => {
    waiting.push({ response, rest: length });
    child.cork();
    for (const chunk of chunks) child.write(chunk);
    child.uncork();
  });
}

/** Hands what came back to those who wait for it, in order. */
function passOn(chunk: Buffer): void {
  let at = 0;
  while (at < chunk.length) {
    const first = waiting[0];
    if (first === undefined) throw new Error("the child sent more than it was given");
    const { response } = first;
    const part = chunk.subarray(at, at + first.rest);
    if (!response.headersSent) {
      response.writeHead(200, {
        "content-type": "application/octet-stream",
        "content-length": first.rest,
      });
    }
    at += part.length;
    first.rest -= part.length;
    response.write(part);
    if (first.rest > 0) continue;
    response.end();
    waiting.shift();
  }
}

function serve(child: Socket): void {
  child.on("data", passOn);
  createHttp((request, response) => gather(request, response, child)).listen(
    Number(process.env["PORT"]),
    "127.0.0.1",
  );
}

const path = join(folder, "socket");
createServer(serve).listen(path, () => {
  const main = join(import.meta.dirname, "relay-child.ts");
  const child = spawn(process.execPath, [main, path], { stdio: ["ignore", "inherit", "inherit"] });
  child.once("exit", () => process.exit(1));
});
process.once("SIGINT", () => process.exit(0));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
