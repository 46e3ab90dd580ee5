// Goal: the built client runs in a browser as it is, without a bundler: over TLS too, and from
// another origin where that is named. Method: Chromium loads a page and the built files, which the
// test hands it; the page lies at the server's own address, or at one of nobody.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../../../test/support/built-server.ts";
import {
  type Certificate,
  hasOpenssl,
  makeCertificate,
} from "../../../test/support/certificates.ts";
import {
  hasChromium,
  openPage,
  type PageFile,
  whyNoChromium,
} from "../../../test/support/chromium.ts";
import { clientFolder } from "./built-client.ts";

const script = `async function run(url) {
  const { createClient } = await import("/client/index.js");
  const client = createClient({ url });
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
  return {
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
  };
}`;

/** The page and the built files by their paths. */
function pageFiles(): Record<string, PageFile> {
  const text = `<!doctype html><title>client</title><script>${script}</script>`;
  const files: Record<string, PageFile> = { "/page": { type: "text/html", text } };
  const dist = join(clientFolder, "dist");
  for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".js")) continue;
    const built = readFileSync(join(dist, name), "utf8");
    files[`/client/${name}`] = { type: "text/javascript", text: built };
  }
  return files;
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

interface Ground {
  readonly scheme: string;
  readonly server: BuiltServer;
  readonly certificate: Certificate | undefined;
}

/** A server that lets pages of `origin` call it; ended with its test. */
async function start(scheme: string, origin: string): Promise<Ground> {
  const certificate = scheme === "https" ? makeCertificate() : undefined;
  const env = { MILLRACE_CORS_ORIGINS: origin };
  const tls = certificate === undefined ? {} : { tls: { ca: certificate.ca } };
  const files = certificate === undefined ? [] : settingsOf(certificate);
  const server = await startBuilt([join(root, "models"), ...files], { env, ...tls });
  onTestFinished(async () => {
    await server.stop();
    certificate?.remove();
  });
  return { scheme, server, certificate };
}

function settingsOf({ certFile, keyFile }: Certificate): string[] {
  return ["--set", `server.tlsCert=${certFile}`, "--set", `server.tlsKey=${keyFile}`];
}

/** What the client does in a page at `origin`, and the protocols that it was answered in. */
async function shown(origin: string, { scheme, server, certificate }: Ground) {
  const url = `${origin}/page`;
  const page = await openPage({ url, files: pageFiles(), certificate: certificate?.ca });
  onTestFinished(() => page.close());
  const result = await page.evaluate(
    `run(${JSON.stringify(server.url)}).catch(({ code, message }) => ({ code, message }))`,
  );
  const own = page.replies.filter((reply) => reply.url.startsWith(`${scheme}:`));
  return { result, protocols: [...new Set(own.map(({ protocol }) => protocol))] };
}

const schemes = [
  ["http", "http/1.1"],
  ["https", "h2"],
] as const;

for (const [scheme, protocol] of schemes) {
  const isRunnable = hasChromium && (scheme === "http" || hasOpenssl());
  if (!isRunnable) console.warn(hasChromium ? "skipped: openssl is missing" : whyNoChromium);
  // Nobody listens there.
  const other = `${scheme}://localhost:8443`;

  test.skipIf(!isRunnable)(`${scheme}: does in Chromium what it does in Node`, async () => {
    const ground = await start(scheme, "");
    const { result, protocols } = await shown(ground.server.url, ground);
    expect(result).toEqual(wanted);
    expect(protocols).toEqual([protocol]);
  });

  test.skipIf(!isRunnable)(`${scheme}: a page of a named origin may do the same`, async () => {
    const { result, protocols } = await shown(other, await start(scheme, other));
    expect(result).toEqual(wanted);
    expect(protocols).toEqual([protocol]);
  });

  test.skipIf(!isRunnable)(`${scheme}: a page of another origin gets nothing`, async () => {
    const { result } = await shown(other, await start(scheme, ""));
    expect(result).toMatchObject({ code: "CONNECTION_FAILED" });
  });
}
