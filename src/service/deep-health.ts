/**
 * Deep health: a real prediction on each version that is ready, waited for at most two seconds.
 *
 * Anybody may ask, so asking must not be work: one run at a time, which all who ask meanwhile
 * share, and its findings stand for a second from its start. States are never remembered.
 */
import type { Clock } from "../base/index.ts";
import type { ServerHealth } from "./health.ts";
import { ownContext } from "./own-context.ts";
import type { ServedVersion } from "./served-version.ts";

/** What deep health looks at. */
export interface DeepSubject {
  readonly clock: Pick<Clock, "nowMs">;
  health(): ServerHealth;
  servedVersions(): readonly ServedVersion[];
}

const deepMsMax = 2_000;

/** The findings of a run stand for so long, from its start. */
const findingsMs = 1_000;

export class DeepHealth {
  readonly #subject: DeepSubject;
  /** What the samples of the last run found; under way until `#isUnderWay` is false. */
  #findings: Promise<readonly string[]> | undefined;
  #isUnderWay = false;
  #startedAtMs = 0;

  constructor(subject: DeepSubject) {
    this.#subject = subject;
  }

  /** Readiness now, and what the last run of the samples found. Never rejects. */
  async look(): Promise<ServerHealth> {
    const nowMs = this.#subject.clock.nowMs();
    const isOver = !this.#isUnderWay && nowMs - this.#startedAtMs >= findingsMs;
    if (this.#findings === undefined || isOver) this.#findings = this.#run(nowMs);
    const found = await this.#findings;
    const health = this.#subject.health();
    const problems = [...health.problems, ...found];
    return { ...health, isReady: problems.length === 0, problems };
  }

  async #run(nowMs: number): Promise<readonly string[]> {
    this.#isUnderWay = true;
    this.#startedAtMs = nowMs;
    const problems: string[] = [];
    const ready = this.#subject.servedVersions().filter((served) => served.isReady());
    const probes = ready.map(async (served) => {
      const context = ownContext("deep-health", nowMs, deepMsMax);
      try {
        await served.predictor.predict(served.sample, context);
      } catch {
        problems.push(`${served.model} ${served.version} failed its sample`);
      }
    });
    await Promise.all(probes);
    this.#isUnderWay = false;
    return problems;
  }
}
