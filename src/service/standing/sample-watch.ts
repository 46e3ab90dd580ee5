/**
 * Runs the sample of versions whose last results were all errors, in the background.
 *
 * Looks at all versions once a second; what it finds is decided in `standing.ts`. A probe goes
 * through the version's own predictor, like a request, but is in no figure of requests.
 */
import { type Clock, ServingError, type Timer } from "../../base/index.ts";
import { ownContext } from "../own-context.ts";
import type { ServedVersion } from "../served-version.ts";
import { afterLook, afterProbe, endOfRefusal, isProbeDue, type ProbeEnd } from "./standing.ts";

export interface WatchSubject {
  readonly clock: Clock;
  servedVersions(): readonly ServedVersion[];
  /** A version began to fail its sample, or ceased to. */
  changed(served: ServedVersion, isFailing: boolean): void;
}

const lookMs = 1_000;
const probeMsMax = 5_000;

export class SampleWatch {
  readonly #subject: WatchSubject;
  /** Versions whose sample runs now; at most all that serve. */
  readonly #probed = new Set<ServedVersion>();
  #timer: Timer | undefined;

  constructor(subject: WatchSubject) {
    this.#subject = subject;
  }

  start(): void {
    this.#timer = this.#subject.clock.after(lookMs, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const nowMs = this.#subject.clock.nowMs();
    for (const served of this.#subject.servedVersions()) {
      const { standing, metrics } = served;
      this.#settle(served, afterLook(standing.now, metrics.failuresInRow));
      const isFree = !this.#probed.has(served);
      if (isFree && isProbeDue(standing.now, nowMs)) void this.#probe(served);
    }
  }

  async #probe(served: ServedVersion): Promise<void> {
    const { clock } = this.#subject;
    this.#probed.add(served);
    try {
      const end = await endOfProbe(served, clock.nowMs());
      this.#settle(served, afterProbe(served.standing.now, end, clock.nowMs()));
    } finally {
      this.#probed.delete(served);
    }
  }

  #settle(served: ServedVersion, now: ServedVersion["standing"]["now"]): void {
    const { standing } = served;
    const isChanged = now.isFailing !== standing.now.isFailing;
    standing.now = now;
    if (isChanged) this.#subject.changed(served, now.isFailing);
  }
}

/** Never rejects. */
async function endOfProbe(served: ServedVersion, nowMs: number): Promise<ProbeEnd> {
  try {
    await served.predictor.predict(served.sample, ownContext("sample-watch", nowMs, probeMsMax));
    return "answered";
  } catch (thrown) {
    const isProven = served.package.samples !== undefined;
    return endOfRefusal(ServingError.from(thrown).code, isProven);
  }
}
