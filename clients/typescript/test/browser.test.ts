// Goal: the built client runs in a browser as it is, without a bundler.
// Method: one small server of the test hands out the page and the built files and passes everything
// else on to the built server; the system's Chromium loads the page, which writes what it got into
// its own document. The page has loaded, and is dumped, only when an image has come that the server
// holds back until the page says that it is done.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { clientFolder } from "./built-client.ts";

const chromium = "/usr/bin/chromium";
const why = `skipped: ${chromium} is not there`;

const page = `<!doctype html><title>client</title><pre id="out">nothing</pre>
<script type="module">
import { createClient } from "/client/index.js";
const out = document.getElementById("out");
try {
  const client = createClient({ url: location.origin });
  const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
  const one = await client.predict("churn", row);
  const features = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
  const { outputs } = await client.infer("churn", { features });
  const streamed = [];
  for await (const item of client.predictStream("sentiment", ["love it", "so bad"])) {
    streamed[item.index] = item.prediction;
  }
  const wrong = await client.predict("churn", { ...row, age: 451 }).catch((error) => error);
  const late = await client.predict("churn", row, { signal: AbortSignal.abort() }).catch((e) => e);
  out.textContent = JSON.stringify({
    prediction: one.prediction,
    label: String(outputs.label.data[0]),
    kind: outputs.label.data.constructor.name,
    scores: outputs.probabilities.data.constructor.name,
    streamed,
    code: wrong.code,
    field: wrong.field,
    requestId: typeof wrong.requestId,
    late: late.code,
    ready: await client.ready(),
  });
} catch (error) {
  out.textContent = JSON.stringify({ failed: String(error?.stack ?? error) });
}
await fetch("/done");
</script><img src="/hold" alt="">`;

/** Page, built files, and the model server behind one address. */
function serve(server: BuiltServer) {
  let isDone = (): void => undefined;
  const done = new Promise<void>((act) => {
    isDone = act;
  });
  return (asked: IncomingMessage, reply: ServerResponse): void => {
    const path = normalize(asked.url ?? "/");
    if (path === "/") {
      reply.setHeader("content-type", "text/html");
      reply.end(page);
    } else if (path === "/done") {
      reply.end();
      isDone();
    } else if (path === "/hold") {
      void done.then(() => reply.writeHead(204).end());
    } else if (path.startsWith("/client/")) {
      reply.setHeader("content-type", "text/javascript");
      reply.end(readFileSync(join(clientFolder, "dist", path.slice("/client/".length))));
    } else {
      const { method, headers } = asked;
      const passed = request(server.url + asked.url, { method, headers }, (answer) => {
        reply.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(reply);
      });
      asked.pipe(passed);
    }
  };
}

/** The page's own words after its script has run. */
async function dump(url: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), "millrace-chromium-"));
  onTestFinished(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  const words = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
    "--dump-dom",
    url,
  ];
  return await new Promise((done, fail) => {
    execFile(chromium, words, { timeout: 90_000 }, (error, stdout) =>
      error === null ? done(stdout) : fail(error),
    );
  });
}

test("predicts, infers, streams and fails in Chromium as in Node", async (context) => {
  if (!existsSync(chromium)) context.skip(why);
  const server = await startBuilt([join(root, "models")]);
  const front = createServer(serve(server));
  await new Promise<void>((done) => front.listen(0, "127.0.0.1", done));
  try {
    const dom = await dump(`http://127.0.0.1:${(front.address() as AddressInfo).port}/`);
    const shown = dom.slice(dom.indexOf('<pre id="out">') + 14, dom.indexOf("</pre>"));
    expect(JSON.parse(shown)).toEqual({
      prediction: 1,
      label: "1",
      kind: "BigInt64Array",
      scores: "Float32Array",
      streamed: ["positive", "negative"],
      code: "INVALID_INPUT",
      field: "features.age",
      requestId: "string",
      late: "CANCELLED",
      ready: true,
    });
  } finally {
    front.closeAllConnections();
    front.close();
    await server.stop();
  }
});
