// Goal: the built client runs in a browser as it is, without a bundler.
// Method: one small server of the test hands out the page and the built files and passes everything
// else on to the built server; the system's Chromium loads the page, which writes what it got into
// its own document. The page has loaded, and is dumped, only when an image has come that the server
// holds back until the page says that it is done.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import { clientFolder } from "./built-client.ts";

const chromium = "/usr/bin/chromium";
const why = `skipped: ${chromium} is not there`;

/** @param address a script's expression for the address of the model server */
const pageOf = (
  address: string,
): string => `<!doctype html><title>client</title><pre id="out">nothing</pre>
<script type="module">
import { createClient } from "/client/index.js";
const out = document.getElementById("out");
try {
  const client = createClient({ url: ${address} });
  const row = { age: 45, tenure: 12, monthly_charges: 79.5, total_charges: 954 };
  const one = await client.predict("churn", row);
  const features = { shape: [1, 4], data: Float32Array.of(45, 12, 79.5, 954) };
  const { outputs } = await client.infer("churn", { features });
  const streamed = [];
  for (const isResumable of [false, true]) {
    const texts = ["love it", "so bad"];
    for await (const item of client.predictStream("sentiment", texts, { isResumable })) {
      streamed[item.index + (isResumable ? 2 : 0)] = item.prediction;
    }
  }
  const batch = await client.batchPredict("churn", [row, { ...row, age: 451 }]);
  const [socket, tensors] = [client.socket("churn"), client.tensorSocket("churn")];
  const onSocket = await socket.predict(row);
  const scoresOf = (answer) => answer.outputs.probabilities.data.join();
  const scoresOnSocket = scoresOf(await tensors.infer({ features })) === scoresOf({ outputs });
  socket.close();
  tensors.close();
  const wrong = await client.predict("churn", { ...row, age: 451 }).catch((error) => error);
  const late = await client.predict("churn", row, { signal: AbortSignal.abort() }).catch((e) => e);
  out.textContent = JSON.stringify({
    prediction: one.prediction,
    label: String(outputs.label.data[0]),
    kind: outputs.label.data.constructor.name,
    scores: outputs.probabilities.data.constructor.name,
    streamed,
    failed: batch.failed,
    onSocket: onSocket.prediction,
    scoresOnSocket,
    code: wrong.code,
    field: wrong.field,
    requestId: typeof wrong.requestId,
    late: late.code,
    ready: await client.ready(),
  });
} catch (error) {
  out.textContent = JSON.stringify({ failed: error?.code + " " + (error?.stack ?? error) });
}
await fetch("/done");
</script><img src="/hold" alt="">`;

/** Page, built files, and the model server behind one address. */
function serve(server: BuiltServer, page: string) {
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

/** Hands a socket of the page on to the model server, as it is. */
function passUpgrade(server: BuiltServer, asked: IncomingMessage, caller: Socket): void {
  const target = connect(server.port, "127.0.0.1");
  // The page is of the front, whose address the browser names as host and origin.
  const lines = asked.rawHeaders.map((each, at) => (at % 2 === 0 ? `${each}: ` : `${each}\r\n`));
  target.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
  for (const socket of [caller, target]) socket.on("error", () => socket.destroy());
  caller.pipe(target);
  target.pipe(caller);
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

const wanted = {
  prediction: 1,
  label: "1",
  kind: "BigInt64Array",
  scores: "Float32Array",
  streamed: ["positive", "negative", "positive", "negative"],
  failed: 1,
  onSocket: 1,
  scoresOnSocket: true,
  code: "INVALID_INPUT",
  field: "features.age",
  requestId: "string",
  late: "CANCELLED",
  ready: true,
};

/** What the page shows that `front` hands out. */
async function shown(front: Server): Promise<unknown> {
  await new Promise<void>((done) => front.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    front.closeAllConnections();
    front.close();
  });
  const dom = await dump(`http://127.0.0.1:${(front.address() as AddressInfo).port}/`);
  return JSON.parse(dom.slice(dom.indexOf('<pre id="out">') + 14, dom.indexOf("</pre>")));
}

test("predicts, infers, streams and fails in Chromium as in Node", async (context) => {
  if (!existsSync(chromium)) context.skip(why);
  const server = await startBuilt([join(root, "models")]);
  onTestFinished(async () => void (await server.stop()));
  const front = createServer(serve(server, pageOf("location.origin")));
  front.on("upgrade", (asked: IncomingMessage, socket: Socket) =>
    passUpgrade(server, asked, socket),
  );
  expect(await shown(front)).toEqual(wanted);
});

test("a page of another origin may do the same where it is named", async (context) => {
  if (!existsSync(chromium)) context.skip(why);
  const origins = ["--set", "cors.origins=*"];
  const server = await startBuilt([join(root, "models"), ...origins]);
  onTestFinished(async () => void (await server.stop()));
  const page = pageOf(JSON.stringify(server.url));
  expect(await shown(createServer(serve(server, page)))).toEqual(wanted);
});

test("a page of another origin that is not named gets nothing", async (context) => {
  if (!existsSync(chromium)) context.skip(why);
  const server = await startBuilt([join(root, "models")]);
  onTestFinished(async () => void (await server.stop()));
  const page = pageOf(JSON.stringify(server.url));
  const words = expect.stringContaining("CONNECTION_FAILED");
  expect(await shown(createServer(serve(server, page)))).toEqual({ failed: words });
});
