/**
 * Carries out what `life-steps.ts` decides: timers and calls, no order of its own.
 *
 * Invariant: `exit` is called exactly once, whatever fails on the way.
 */
import { type Clock, type Limits, ServingError, type Timer } from "../../base/index.ts";
import type { Log } from "../../observe/index.ts";
import { type LifeAct, type LifeEvent, type LifeState, lifeStart, stepLife } from "./life-steps.ts";

/** What a lifecycle acts on. */
export interface LifeEdges {
  announceReady(): void;
  announceDraining(): void;
  refuseWork(): void;
  cutOff(): void;
  /** Requests and streams that were accepted and have no answer yet. */
  pendingCount(): number;
  stopWorkers(): Promise<void>;
  /** Ends the process; called once. */
  exit(code: 0 | 1): void;
}

export interface LifecycleOptions {
  readonly edges: LifeEdges;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "drainDelayMs" | "shutdownMsMax">;
  readonly log: Log;
}

/** How often pending work is counted while finishing, and how often it must be none in a row. */
const lookMs = 20;
const quietLooks = 3;

export class Lifecycle {
  #state: LifeState = lifeStart;
  readonly #options: LifecycleOptions;
  /** At most three. */
  #timers: Timer[] = [];
  #quiet = 0;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get phase(): LifeState["phase"] {
    return this.#state.phase;
  }

  /** All models are ready. */
  loaded(): void {
    this.#happens({ kind: "loaded" });
  }

  /** An error nobody caught, or a start that failed: logged, then the process ends with 1. */
  fault(message: string, thrown: unknown): void {
    const error = ServingError.is(thrown) ? thrown : undefined;
    const fields = error === undefined ? { err: thrown } : { code: error.code };
    this.#options.log.error(error === undefined ? message : `${message}: ${error.message}`, fields);
    this.#happens({ kind: "fault" });
  }

  /** A signal came. @param isUrgent it was Ctrl-C at a terminal */
  stop(isUrgent: boolean): void {
    this.#happens({ kind: "stop", isUrgent });
  }

  #happens(event: LifeEvent): void {
    const before = this.#state.phase;
    const { state, acts } = stepLife(this.#state, event);
    this.#state = state;
    if (state.phase !== before) this.#options.log.debug("phase", { from: before, to: state.phase });
    for (const act of acts) this.#perform(act);
  }

  #perform(act: LifeAct): void {
    const { edges, limits } = this.#options;
    switch (act.kind) {
      case "announceReady":
        edges.announceReady();
        return;
      case "announceDraining":
        edges.announceDraining();
        return;
      case "startTimeLimit":
        this.#later(limits.shutdownMsMax, { kind: "timeUp" });
        return;
      case "startDelay":
        this.#later(limits.drainDelayMs, { kind: "delayOver" });
        return;
      case "refuseWork":
        edges.refuseWork();
        return;
      case "watchForIdle":
        this.#look();
        return;
      case "cutOff":
        edges.cutOff();
        return;
      case "stopWorkers":
        edges.stopWorkers().then(
          () => this.#happens({ kind: "stopped" }),
          (thrown: unknown) => this.fault("the workers could not be stopped", thrown),
        );
        return;
      case "exit":
        for (const timer of this.#timers) timer.cancel();
        this.#timers = [];
        edges.exit(act.code);
        return;
    }
  }

  #later(delayMs: number, event: LifeEvent): void {
    this.#timers.push(this.#options.clock.after(delayMs, () => this.#happens(event)));
  }

  /** Idle is nothing pending at several looks in a row: a reply may still open the next stream. */
  #look(): void {
    if (this.phase !== "finishing") return;
    this.#quiet = this.#options.edges.pendingCount() === 0 ? this.#quiet + 1 : 0;
    if (this.#quiet >= quietLooks) this.#happens({ kind: "idle" });
    else this.#options.clock.after(lookMs, () => this.#look());
  }
}
