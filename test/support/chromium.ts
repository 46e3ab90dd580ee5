/**
 * A page in Chromium, driven over the browser's debugging pipe.
 *
 * The files of a page come from the test itself: the browser is told what lies at their addresses
 * before it asks anybody, so a page can lie at the address of the server under test, or of nobody,
 * and whatever else it asks for goes to the server without a relay that could change it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const program = programs.find((path) => existsSync(path));

export const hasChromium = program !== undefined;
export const whyNoChromium = `skipped: none of ${programs.join(", ")} is there`;

/** How long the browser may take for one thing, ms. */
const stepMsMax = 60_000;

export interface PageFile {
  readonly type: string;
  readonly text: string;
}

export interface PageOptions {
  /** Where the page lies; the file of its path is the page. */
  readonly url: string;
  /** By path, on the page's origin. */
  readonly files: Readonly<Record<string, PageFile>>;
  /** A certificate that is trusted. */
  readonly certificate?: Buffer | undefined;
}

/** A reply that the page got, or the end of a WebSocket's handshake. */
export interface PageReply {
  readonly url: string;
  /** `h2`, `http/1.1`; of a WebSocket the first line of the answer, or what was wrong with it. */
  readonly protocol: string;
}

export interface BrowserPage {
  /** What came so far, but for the page's own files. */
  readonly replies: readonly PageReply[];
  /** The value of an expression, awaited. @throws what it throws, as text */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** A page that comes from no address counts as one of outside, which may not call this machine. */
const noAddressRule = "LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets";

/** REQUIRES: `hasChromium`. Resolves when the page has loaded. */
export async function openPage(options: PageOptions): Promise<BrowserPage> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-chromium-"));
  const pipe = new Pipe(start(folder, options.certificate));
  const close = async (): Promise<void> => {
    await pipe.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { ...(await load(pipe, options)), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function start(folder: string, certificate: Buffer | undefined): ChildProcess {
  const words = [
    ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    ...["--no-first-run", "--remote-debugging-pipe", `--user-data-dir=${folder}`],
    `--disable-features=${noAddressRule}`,
    ...(certificate === undefined ? [] : [trustIn(certificate)]),
  ];
  // The two pipes are its descriptors 3 (what it is told) and 4 (what it says).
  const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
  return spawn(program ?? "", words, { stdio: [...stdio], detached: true });
}

function trustIn(certificate: Buffer): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(key).digest("base64");
  return `--ignore-certificate-errors-spki-list=${digest}`;
}

async function load(pipe: Pipe, options: PageOptions): Promise<Omit<BrowserPage, "close">> {
  const { url, files } = options;
  const { targetId } = await pipe.ask("Target.createTarget", { url: "about:blank" });
  const attaching = { targetId, flatten: true };
  pipe.session = String((await pipe.ask("Target.attachToTarget", attaching))["sessionId"]);
  const loaded = new Promise<void>((done) => pipe.on("Page.loadEventFired", () => done()));
  const replies = watchReplies(pipe, files);
  handOut(pipe, files);
  const { origin } = new URL(url);
  const patterns = Object.keys(files).map((path) => ({ urlPattern: `${origin}${path}*` }));
  await pipe.ask("Fetch.enable", { patterns });
  for (const domain of ["Network", "Page"]) await pipe.ask(`${domain}.enable`);
  await pipe.ask("Page.navigate", { url });
  await loaded;
  return {
    replies,
    async evaluate(expression) {
      const words = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await pipe.ask("Runtime.evaluate", words);
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as Told)["value"];
    },
  };
}

/** Answers for the page's own files; lets all else go to whoever is there. */
function handOut(pipe: Pipe, files: PageOptions["files"]): void {
  pipe.on("Fetch.requestPaused", ({ requestId, request }) => {
    const file = files[new URL(String((request as Told)["url"])).pathname];
    if (file === undefined) {
      void pipe.ask("Fetch.continueRequest", { requestId });
      return;
    }
    const responseHeaders = [{ name: "content-type", value: file.type }];
    const body = Buffer.from(file.text).toString("base64");
    void pipe.ask("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders, body });
  });
}

function watchReplies(pipe: Pipe, files: PageOptions["files"]): readonly PageReply[] {
  const replies: PageReply[] = [];
  pipe.on("Network.responseReceived", ({ response }) => {
    const { url, protocol } = response as Told;
    if (files[new URL(String(url)).pathname] !== undefined) return;
    replies.push({ url: String(url), protocol: String(protocol) });
  });
  // One entry for each socket of a page.
  const sockets = new Map<unknown, string>();
  const ended = (requestId: unknown, protocol = ""): void => {
    replies.push({ url: sockets.get(requestId) ?? "", protocol });
  };
  pipe.on("Network.webSocketCreated", ({ requestId, url }) => {
    sockets.set(requestId, String(url));
  });
  pipe.on("Network.webSocketHandshakeResponseReceived", ({ requestId, response }) => {
    ended(requestId, String((response as Told)["headersText"]).split("\r\n")[0]);
  });
  pipe.on("Network.webSocketFrameError", ({ requestId, errorMessage }) => {
    ended(requestId, String(errorMessage));
  });
  return replies;
}

type Told = Readonly<Record<string, unknown>>;

/** Commands and events of the DevTools protocol: JSON texts, each with a NUL behind it. */
class Pipe {
  /** The page that is spoken to; "" for the browser itself. */
  session = "";
  readonly #browser: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<number, (told: Told) => void>();
  readonly #events = new Map<string, (told: Told) => void>();
  #numbers = 0;

  constructor(browser: ChildProcess) {
    this.#browser = browser;
    this.#ended = new Promise((done) => browser.once("exit", () => done()));
    const said = browser.stdio[4] as Readable;
    let text = "";
    said.setEncoding("utf8").on("data", (piece: string) => {
      const messages = (text + piece).split("\0");
      text = messages.pop() ?? "";
      for (const each of messages) this.#take(JSON.parse(each) as Told);
    });
    for (const stream of [said, this.#orders]) stream.on("error", () => {});
  }

  get #orders(): Writable {
    return this.#browser.stdio[3] as Writable;
  }

  on(event: string, act: (told: Told) => void): void {
    this.#events.set(event, act);
  }

  /** @throws what the browser says is wrong; that it has not answered in time */
  async ask(method: string, params: Told = {}): Promise<Told> {
    this.#numbers += 1;
    const id = this.#numbers;
    const about = this.session === "" ? {} : { sessionId: this.session };
    const { promise, resolve, reject } = Promise.withResolvers<Told>();
    const late = (): void => reject(new Error(`${method}: no answer in ${stepMsMax} ms`));
    const timer = setTimeout(late, stepMsMax);
    this.#waiting.set(id, resolve);
    this.#orders.write(`${JSON.stringify({ id, method, params, ...about })}\0`);
    try {
      const { result, error } = await promise;
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result as Told;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  async close(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#browser;
    if (pid !== undefined && exitCode === null && signalCode === null)
      process.kill(-pid, "SIGKILL");
    await this.#ended;
  }

  #take(told: Told): void {
    const { id, method, params } = told;
    if (typeof id === "number") this.#waiting.get(id)?.(told);
    else this.#events.get(String(method))?.(params as Told);
  }
}
