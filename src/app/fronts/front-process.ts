/**
 * One front that is not the primary, as the primary sees it: a child process with a channel.
 *
 *   booting --order--> opening --opened--> open --exit--> gone
 *
 * The folder in which the workers call it is made here and is of this user alone. Whatever the
 * child does, each question is answered or given up after `answerMsMax`.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { needDescriptors, ServingError, systemClock } from "../../base/index.ts";
import type { FrontFigures } from "../../observe/index.ts";
import type { FiguresAsk, RegistrySeed } from "../../service/index.ts";
import type { FromFront, ToFront } from "./messages.ts";
import { Questions } from "./questions.ts";

const script = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));

/** The longest wait for the figures of a front, ms. */
const answerMsMax = 1_000;

/** Questions in a row without an answer, one a second at most, until it is taken for dead. */
const missedMax = 15;

/** What the system takes as the path of a Unix socket. */
const pathBytesMax = 107;

export interface FrontProcessOptions {
  /** Which share of the limits it keeps: 1 and up. */
  readonly index: number;
  /** Its number: no other front of this server ever has it. */
  readonly front: number;
  readonly onMessage: (front: FrontProcess, message: FromFront) => void;
  readonly onExit: (front: FrontProcess, words: string) => void;
}

export class FrontProcess {
  readonly index: number;
  readonly front: number;
  /** Where the workers call it. */
  readonly path: string;
  /** Requests and streams that it has accepted and not answered; asked while the server stops. */
  pending = 1;
  /** When it told so last. */
  toldAtMs = 0;
  /** The versions whose sample it has found to fail; at most all. */
  readonly failing = new Set<string>();
  isOpen = false;
  /** The changes of what is served that its order knew of. */
  changes = 0;
  openedAtMs = 0;
  readonly #child: ChildProcess;
  readonly #folder: string;
  /** Each leaves after `answerMsMax`. */
  readonly #asked = new Questions<FrontFigures>(systemClock);
  /** What it was told of and has not followed yet; each leaves after its time. */
  readonly #told = new Questions<true>(systemClock);
  #missed = 0;
  #missedAtMs = 0;
  #isGone = false;

  /** @throws the system's error, and INTERNAL when no socket fits in the folder of the system */
  constructor(options: FrontProcessOptions) {
    needDescriptors();
    this.index = options.index;
    this.front = options.front;
    this.#folder = mkdtempSync(join(tmpdir(), `millrace-front-${process.pid}-`));
    this.path = join(this.#folder, "workers");
    const pathBytes = Buffer.byteLength(this.path);
    if (pathBytes > pathBytesMax) {
      rmSync(this.#folder, { recursive: true, force: true });
      const message = `a socket in the folder of TMPDIR would have a path of ${pathBytes} bytes`;
      throw new ServingError("INTERNAL", `${message}: expected at most ${pathBytesMax}`);
    }
    this.#child = fork(script, [], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message: FromFront) => {
      this.#missed = 0;
      if (message.kind === "figures") this.#asked.answered(message.id, message.figures);
      else if (message.kind === "adopted") this.#told.answered(message.id, true);
      else options.onMessage(this, message);
    });
    const end = (words: string): void => {
      if (this.#isGone) return;
      this.#isGone = true;
      this.isOpen = false;
      rmSync(this.#folder, { recursive: true, force: true });
      this.#asked.over();
      this.#told.over();
      options.onExit(this, words);
    };
    this.#child.once("error", (thrown) => end(thrown.message));
    this.#child.once("exit", (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  send(message: ToFront): void {
    if (this.#isGone || !this.#child.connected) return;
    // What cannot be sent any more goes to a front that is ending.
    this.#child.send(message, () => {});
  }

  /** Its figures, or `undefined` when it does not tell them in time. */
  async report(ask: FiguresAsk): Promise<FrontFigures | undefined> {
    if (!this.isOpen) return undefined;
    const figures = await this.#asked.ask(answerMsMax, (id) =>
      this.send({ kind: "report", id, ask }),
    );
    if (figures === undefined) this.#miss();
    return figures;
  }

  /** Tells it what is served now; settles when it has left the rest, is gone, or after `msMax`. */
  async adopt(registry: RegistrySeed, msMax: number): Promise<void> {
    await this.#told.ask(msMax, (id) => this.send({ kind: "registry", id, registry }));
  }

  /** Ends it now; whoever calls may end before its exit is heard. */
  kill(): void {
    if (this.#isGone) return;
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * A front whose loop is stuck ends itself; one that the system has stopped cannot, and its
   * callers would wait for ever. Counted and not timed: after a pause of the whole machine nobody
   * is late.
   */
  #miss(): void {
    const nowMs = performance.now();
    if (nowMs - this.#missedAtMs < answerMsMax) return;
    this.#missedAtMs = nowMs;
    this.#missed += 1;
    if (this.#missed >= missedMax && !this.#isGone) this.#child.kill("SIGKILL");
  }
}
