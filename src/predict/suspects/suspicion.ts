/**
 * Carries out what `suspects.ts` knows on the requests that wait.
 *
 * After a death, waiting requests with the same inputs leave their lanes, so that one bad input
 * sent by many callers kills once and not batch after batch. After an answer they go back.
 */
import { ServingError } from "../../base/index.ts";
import { OutsideKill } from "../../engine/index.ts";
import type { Desk } from "../batching/desk.ts";
import type { Entry } from "../batching/entry.ts";
import type { Run } from "../batching/run.ts";
import type { WaitingRoom } from "../batching/waiting-room.ts";
import type { BatchingObserver } from "../observer.ts";
import { type SuspectNews, Suspects } from "./suspects.ts";

export interface SuspicionOptions {
  /** Deaths while alone that quarantine an input, >= 1. */
  readonly deathsMax: number;
  readonly room: WaitingRoom;
  readonly desk: Desk;
  readonly observer: BatchingObserver;
  /** Told of what was found here, for other fronts. */
  readonly onSuspect?: ((news: SuspectNews) => void) | undefined;
}

export class Suspicion {
  readonly #suspects: Suspects;
  readonly #room: WaitingRoom;
  readonly #desk: Desk;
  readonly #observer: BatchingObserver;

  constructor(options: SuspicionOptions) {
    this.#suspects = new Suspects(options.deathsMax, options.onSuspect);
    this.#room = options.room;
    this.#desk = options.desk;
    this.#observer = options.observer;
  }

  /** Notes what is held against a newcomer; an error when it is refused. */
  screen(entry: Entry): ServingError | undefined {
    const record = this.#suspects.find(entry.request);
    entry.suspect = record;
    if (record?.state !== "quarantined") return undefined;
    this.#observer.limitHit("workerDeathsPerInputMax");
    return quarantineError();
  }

  /**
   * An entry comes back from a run and would wait again. True when that is settled here: it waits
   * as a suspect because a worker died with the same inputs meanwhile, or it is refused.
   */
  takesBack(entry: Entry): boolean {
    const refusal = this.screen(entry);
    if (refusal !== undefined) this.#desk.fail(entry, refusal);
    else if (entry.suspect !== undefined) this.#room.add(entry);
    return entry.suspect !== undefined;
  }

  /** The worker died during the run. */
  accuse(run: Run, error: ServingError): void {
    this.#observer.workerDied(run.entries.length);
    const wasOutside = error.cause instanceof OutsideKill;
    const loss = { known: run.suspect, wasAlone: run.isAlone, wasOutside };
    for (const entry of run.entries) this.#suspects.accuse(entry.request, loss);
    this.#separate();
  }

  /** Another front has found something of an input. */
  learn(news: SuspectNews): void {
    this.#suspects.learn(news);
    this.#separate();
  }

  /** Those who wait with inputs that are under suspicion now leave their lanes. */
  #separate(): void {
    this.#room.separate((entry) => {
      entry.suspect = this.#suspects.find(entry.request);
      return entry.suspect !== undefined;
    });
    this.#release();
  }

  /** The engine answered the run; a sliced request is cleared by its last slice. */
  absolve(run: Run): void {
    if (this.#suspects.isEmpty && run.suspect === undefined) return;
    for (const entry of run.entries) {
      if (entry.whole !== undefined && entry.whole.entriesLeft > 1) continue;
      const record = this.#suspects.find(entry.request);
      if (record !== undefined) this.#suspects.clear(record);
      if (entry.suspect !== undefined) this.#suspects.clear(entry.suspect);
    }
    this.#release();
  }

  #release(): void {
    for (const entry of this.#room.releaseSuspects()) {
      if (entry.suspect?.state === "quarantined") {
        this.#desk.fail(entry, quarantineError());
      } else {
        entry.suspect = undefined;
        this.#room.add(entry);
      }
    }
    this.#observer.suspectsChanged(this.#suspects.suspectCount, this.#suspects.quarantinedCount);
  }
}

function quarantineError(): ServingError {
  return new ServingError(
    "INPUT_QUARANTINED",
    "this exact input ended its worker each time it ran alone (workerDeathsPerInputMax): " +
      "send another one",
  );
}
