/**
 * The primary's side of the other fronts: starts them, tells them what happens, gathers what they
 * count, and replaces those that die.
 *
 * A front that dies takes its own requests along and nothing else; its successor starts at once,
 * or, when fronts die in a row, after the back-off of workers. At the start of the server all must
 * open, because one that cannot listen will not be able to later.
 */
import { type Clock, type Random, ServingError } from "../../base/index.ts";
import { FrontLedger, figuresOf, type Log } from "../../observe/index.ts";
import type { FiguresAsk, ServerPhase, WholeFigures } from "../../service/index.ts";
import type { Core } from "../compose.ts";
import type { Config } from "../config/schema.ts";
import { carryOut } from "./control-asker.ts";
import { FrontBackoff } from "./front-backoff.ts";
import { FrontFindings } from "./front-findings.ts";
import { FrontProcess } from "./front-process.ts";
import type { FromFront, FrontPorts, OpenOrder, ToFront } from "./messages.ts";
import { ServedNews } from "./served-news.ts";
import { asUsage, usageFigures } from "./usage-figures.ts";
import { Waits } from "./waits.ts";

export interface FrontPoolOptions {
  readonly config: Config;
  /** All fronts, the primary included; 2 or more. */
  readonly count: number;
  readonly core: Core;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly build: string;
}

/** The longest wait for all doors, ms. */
const openMsMax = 30_000;
/** A front that says nothing for so long while the server stops is stuck: it is not waited for. */
const silentMsMax = 3_000;
/** How often every front is asked for its figures, so that little is lost with one that dies. */
const reportMs = 1_000;
/** From the order to end to the force, ms; a front waits for slow readers for 5 s at most. */
const endMsMax = 8_000;

export class FrontPool {
  readonly #options: FrontPoolOptions;
  readonly #ledger: FrontLedger;
  readonly #findings: FrontFindings;
  readonly #backoff: FrontBackoff;
  /** One for each front that lives, at most `count - 1`. */
  readonly #fronts = new Set<FrontProcess>();
  readonly #news: ServedNews;
  #ports: FrontPorts | undefined;
  #phase: ServerPhase = "starting";
  #phaseAtMs = 0;
  #lastFront = 0;
  #isEnding = false;
  #gathering: { readonly key: string; readonly sum: Promise<WholeFigures> } | undefined;
  readonly #waits: Waits;
  #startFault: ServingError | undefined;

  constructor(options: FrontPoolOptions) {
    this.#options = options;
    const { core, clock, build, config } = options;
    this.#waits = new Waits(clock);
    this.#ledger = new FrontLedger({ limits: config.limits, clock, build });
    const backoffMsMax = config.limits.workerBackoffMsMax;
    const mayStart = (): boolean => this.#phase !== "starting" && !this.#isEnding;
    const start = (index: number): void => this.#start(index);
    this.#backoff = new FrontBackoff({ ...options, backoffMsMax, start, mayStart });
    core.service.gather = (ask) => this.gather(ask);
    core.onWorkerEnd = (end) => this.#tell({ kind: "died", end });
    this.#findings = new FrontFindings(core.service, this.#fronts);
    const { shutdownMsMax } = config.limits;
    this.#news = new ServedNews({ core, fronts: this.#fronts, shutdownMsMax });
    core.onSuspect = (news) => this.#tell({ kind: "suspect", news });
    core.publish = () => this.#news.publish();
    core.onStanding = (served) => this.#findings.judge(served);
  }

  /** Starts the processes; they wait for the order to open. */
  start(): void {
    for (let index = 1; index < this.#options.count; index += 1) this.#start(index);
  }

  /** Opens the doors of all. REQUIRES: the models are loaded. @throws INTERNAL why one did not */
  async open(ports: FrontPorts): Promise<void> {
    if (this.#isEnding) return;
    this.#ports = ports;
    for (const front of this.#fronts) this.#order(front);
    await this.#allOpen();
    this.#reportSoon();
  }

  /** The primary has gone over to another phase of its life. */
  setPhase(phase: ServerPhase): void {
    this.#phase = phase;
    this.#phaseAtMs = this.#options.clock.nowMs();
    if (phase === "draining") this.#isEnding = true;
    this.#tell({ kind: "phase", phase });
  }

  /** Requests and streams of the other fronts that have no answer yet. */
  get pending(): number {
    let pending = 0;
    const heardAtMs = this.#options.clock.nowMs() - silentMsMax;
    for (const front of this.#fronts) {
      const isSilent = Math.max(front.toldAtMs, this.#phaseAtMs) < heardAtMs;
      if (front.isOpen && !isSilent) pending += front.pending;
    }
    return pending;
  }

  cutOff(): void {
    this.#tell({ kind: "cutOff" });
  }

  /** Ends all fronts: they answer what waits and close their doors first. */
  async end(): Promise<void> {
    this.#isEnding = true;
    // Those that still boot as well.
    for (const front of this.#fronts) front.send({ kind: "end" });
    const isDone = (): boolean => this.#fronts.size === 0;
    await this.#waits.until(isDone, endMsMax, () => this.kill());
  }

  /** Ends all fronts now. */
  kill(): void {
    this.#isEnding = true;
    for (const front of this.#fronts) front.kill();
  }

  /** The figures of all fronts; all who ask at the same time are given the same. */
  gather(ask: FiguresAsk): Promise<WholeFigures> {
    const key = `${ask.hasWindows} ${ask.hasLoopDelay}`;
    if (this.#gathering?.key === key) return this.#gathering.sum;
    const sum = this.#sum(ask).finally(() => {
      if (this.#gathering?.sum === sum) this.#gathering = undefined;
    });
    this.#gathering = { key, sum };
    return sum;
  }

  async #sum(ask: FiguresAsk): Promise<WholeFigures> {
    const { core, count } = this.#options;
    const answered = await this.#report(ask);
    const usage = usageFigures(core.usage, ask);
    const own = { usage, hasWindows: ask.hasWindows, isPrimary: true };
    const fronts = { answered: answered + 1, missing: count - answered - 1 };
    const sum = this.#ledger.sum(figuresOf(core.service.metrics, own), fronts);
    return { metrics: sum.metrics, usage: asUsage(sum.usage) };
  }

  /** Asks every front; gives how many answered in time. */
  async #report(ask: FiguresAsk): Promise<number> {
    const reports = [...this.#fronts].map(async (front) => {
      const figures = await front.report(ask);
      if (figures === undefined || front.isGone) return 0;
      this.#ledger.note(front.front, figures);
      return 1;
    });
    return (await Promise.all(reports)).reduce<number>((sum, each) => sum + each, 0);
  }

  #reportSoon(): void {
    this.#options.clock.after(reportMs, () => {
      void this.#report({ hasWindows: false, hasLoopDelay: false }).then(() => this.#reportSoon());
    });
  }

  #start(index: number): void {
    this.#lastFront += 1;
    const front = new FrontProcess({
      index,
      front: this.#lastFront,
      onMessage: (from, message) => this.#take(from, message),
      onExit: (gone, words) => this.#exited(gone, words),
    });
    this.#fronts.add(front);
    if (this.#ports !== undefined) this.#order(front);
  }

  #order(front: FrontProcess): void {
    const { config, count } = this.#options;
    const ports = this.#ports;
    if (ports === undefined) return;
    const order: OpenOrder = {
      config,
      place: { index: front.index, count },
      front: front.front,
      path: front.path,
      ...ports,
      phase: this.#phase,
      registry: this.#news.orderFor(front),
    };
    front.send({ kind: "open", order });
  }

  #take(front: FrontProcess, message: FromFront): void {
    switch (message.kind) {
      case "listening":
        this.#options.core.engine.connect(front.front, front.path);
        return;
      case "opened":
        this.#opened(front);
        return;
      case "failed":
        this.#startFault = new ServingError("INTERNAL", message.message);
        this.#waits.look();
        return;
      case "pending":
        front.pending = message.count;
        front.toldAtMs = this.#options.clock.nowMs();
        return;
      case "standing":
        this.#findings.note(front, message.news);
        return;
      case "suspect":
        this.#findings.learn(front, message.news);
        return;
      case "gather":
        void this.#give(front, message);
        return;
      case "control":
        void carryOut(this.#options.core.service.control, message.operation).then((error) =>
          front.send({ kind: "controlled", id: message.id, error }),
        );
        return;
      case "figures":
      case "adopted":
        return;
    }
  }

  #opened(front: FrontProcess): void {
    front.isOpen = true;
    front.openedAtMs = this.#options.clock.nowMs();
    // What has changed since the order was written.
    front.send({ kind: "phase", phase: this.#phase });
    this.#news.opened(front);
    this.#options.log.info("front open", { front: front.index, front_pid: front.pid });
    this.#waits.look();
  }

  async #give(front: FrontProcess, { id, ask }: { id: number; ask: FiguresAsk }): Promise<void> {
    const { metrics, usage } = await this.gather(ask);
    const form = { usage: usageFigures(usage, ask), hasWindows: ask.hasWindows, isPrimary: true };
    const fronts = metrics.fronts ?? { answered: 0, missing: 0 };
    front.send({ kind: "whole", id, whole: { figures: figuresOf(metrics, form), fronts } });
  }

  #exited(front: FrontProcess, words: string): void {
    const { core } = this.#options;
    this.#fronts.delete(front);
    core.engine.disconnect(front.front);
    this.#ledger.leave(front.front);
    this.#findings.left(front);
    this.#waits.look();
    if (this.#isEnding) return;
    const { index, pid, openedAtMs } = front;
    this.#backoff.died({ front: index, front_pid: pid, words }, openedAtMs);
    if (this.#phase !== "starting") return;
    const message = `front ${index} did not start: ${words}`;
    this.#startFault ??= new ServingError("INTERNAL", message);
    this.#waits.look();
  }

  /** Settles when every front is open, or none is left; throws when one cannot be. */
  async #allOpen(): Promise<void> {
    const isDone = (): boolean => {
      if (this.#startFault !== undefined) throw this.#startFault;
      return [...this.#fronts].every((front) => front.isOpen);
    };
    await this.#waits.until(isDone, openMsMax, () => {
      this.#startFault ??= new ServingError("INTERNAL", `fronts did not open in ${openMsMax} ms`);
      this.#waits.look();
    });
  }

  #tell(message: ToFront): void {
    for (const front of this.#fronts) if (front.isOpen) front.send(message);
  }
}
