// Goal: a page in a real browser reads streams by fetch, EventSource (which comes back where it was
// cut off) and WebSocket, and calls gRPC-Web; over TLS it does so by HTTP/2, and its sockets beside
// that. A page of another origin does the same where it is named, and nothing where it is not.
// Method: Chromium, where it is installed, on a page whose file the test hands it and which lies at
// the server's own address, or at one of nobody.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../support/built-server.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "../support/certificates.ts";
import {
  type BrowserPage,
  hasChromium,
  openPage,
  type PageReply,
  whyNoChromium,
} from "../support/chromium.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";

if (!hasChromium) process.stdout.write(`${whyNoChromium}\n`);
if (!hasOpenssl()) process.stdout.write("skipped: pages over TLS, openssl is missing\n");

const text = readFileSync(join(import.meta.dirname, "browser", "page.html"), "utf8");
const files = { "/page": { type: "text/html", text } };
const models = join(root, "models", "churn");

const answered = {
  lines: 50,
  events: 50,
  socket: 20,
  grpcWeb: "1 message, status 0",
  grpcWebText: "1 message, status 0",
  grpcWebStream: "0 0 0 0 2 8 1",
};
const failed = "TypeError: Failed to fetch";
const upgraded = "HTTP/1.1 101 Switching Protocols";
const refused = "Error during WebSocket handshake: Unexpected response code: 403";

interface Scheme {
  readonly scheme: "http" | "https";
  /** What the browser calls the protocol of its requests. */
  readonly protocol: string;
  readonly isRunnable: boolean;
}

const schemes: readonly Scheme[] = [
  { scheme: "http", protocol: "http/1.1", isRunnable: hasChromium },
  { scheme: "https", protocol: "h2", isRunnable: hasChromium && hasOpenssl() },
];

/** Replies to what the page asked of its servers: by protocol, each once. */
function protocolsOf(replies: readonly PageReply[], scheme: string): string[] {
  const own = replies.filter(({ url }) => url.startsWith(scheme) && !url.endsWith("/favicon.ico"));
  return [...new Set(own.map(({ protocol }) => protocol))].sort();
}

for (const { scheme, protocol, isRunnable } of schemes) {
  describe.skipIf(!isRunnable)(`a page over ${scheme}`, () => {
    // Nobody listens at these.
    const [named, stranger] = [`${scheme}://localhost:8443`, `${scheme}://localhost:8444`];
    const sockets = scheme.replace("http", "ws");
    let certificate: Certificate | undefined;
    let closed: BuiltServer;
    let open: BuiltServer;
    let cutting: CuttingProxy;

    beforeAll(async () => {
      if (scheme === "https") certificate = makeCertificate();
      closed = await startOne([]);
      cutting = await startCuttingProxy(closed.port, { cutsMax: 2, cutBytes: 300_000 });
      open = await startOne([`${scheme}://127.0.0.1:${cutting.port}`, named]);
    });

    afterAll(async () => {
      cutting?.close();
      await Promise.all([closed?.stop(), open?.stop()]);
      certificate?.remove();
    });

    /** A server that lets pages of `origins` call it, with TLS where there is a certificate. */
    async function startOne(origins: readonly string[]): Promise<BuiltServer> {
      const env = { MILLRACE_CORS_ORIGINS: origins.join(" ") };
      if (certificate === undefined) return await startBuilt([models], { env });
      const { certFile, keyFile, ca } = certificate;
      const settings = ["server", "grpc"].flatMap((door) => [
        ...["--set", `${door}.tlsCert=${certFile}`],
        ...["--set", `${door}.tlsKey=${keyFile}`],
      ]);
      return await startBuilt([models, ...settings], { env, tls: { ca } });
    }

    /** What a page at `origin` finds out, which is told of `server` where that is not its own. */
    async function found(
      origin: string,
      names: readonly string[],
      server?: BuiltServer,
    ): Promise<{ readonly results: unknown; readonly replies: readonly PageReply[] }> {
      const rpc = (of: BuiltServer): string => `${scheme}://${of.grpc}`;
      const told = new URLSearchParams({ grpc: rpc(open), closed: rpc(closed) });
      if (server !== undefined) told.set("server", server.url);
      const url = `${origin}/page?${told}`;
      const page: BrowserPage = await openPage({ url, files, certificate: certificate?.ca });
      try {
        const results = await page.evaluate(`run(${JSON.stringify(names)})`);
        return { results, replies: page.replies };
      } finally {
        await page.close();
      }
    }

    test("reads what its own server sends, and goes on where it was cut off", async () => {
      const more = ["protocols", "foreign", "grpcWebClosed"];
      const names = ["resumed", ...Object.keys(answered), ...more];
      const page = await found(`${scheme}://127.0.0.1:${cutting.port}`, names);
      expect(page.results).toEqual({
        ...answered,
        resumed: { isInOrder: true, events: 10_000, wasCutAmid: true },
        protocols: protocol,
        foreign: "refused",
        grpcWebClosed: failed,
      });
      expect(cutting.cuts()).toBe(2);
      expect(protocolsOf(page.replies, scheme)).toEqual([protocol]);
      // Both while the browser has a connection of HTTP/2 to this server, where it speaks that.
      expect(protocolsOf(page.replies, sockets)).toEqual([refused, upgraded]);
    });

    test("may do the same from another origin that is named", async () => {
      const page = await found(named, Object.keys(answered), open);
      expect(page.results).toEqual(answered);
      expect(protocolsOf(page.replies, scheme)).toEqual([protocol]);
      expect(protocolsOf(page.replies, sockets)).toEqual([upgraded]);
    });

    test("gets nothing from another origin that is not named", async () => {
      const page = await found(stranger, Object.keys(answered), open);
      const nothing = Object.keys(answered).map((name) => [name, failed] as const);
      expect(page.results).toEqual({ ...Object.fromEntries(nothing), socket: "refused" });
      expect(protocolsOf(page.replies, sockets)).toEqual([refused]);
    });
  });
}
