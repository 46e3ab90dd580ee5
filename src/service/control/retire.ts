/**
 * The end of a version that no request finds any more: what began on it is finished first.
 */
import type { Clock, Timer } from "../../base/index.ts";
import type { ServedVersion } from "../served-version.ts";

/** How often it is looked at, ms. */
const lookMs = 10;

/**
 * Ends the instances of `served` when nothing runs on it, or `msMax` have passed: then what is left
 * is answered MODEL_NOT_READY. REQUIRES: it is in no registry.
 */
export async function retire(served: ServedVersion, clock: Clock, msMax: number): Promise<void> {
  const endMs = clock.nowMs() + msMax;
  while (served.held > 0 && clock.nowMs() < endMs) await pause(clock, lookMs);
  const cut = clock.after(Math.max(0, endMs - clock.nowMs()), () =>
    served.refuse("MODEL_NOT_READY"),
  );
  try {
    await served.close("MODEL_NOT_READY");
  } finally {
    cut.cancel();
  }
}

function pause(clock: Clock, ms: number): Promise<Timer> {
  return new Promise((done) => {
    const timer: Timer = clock.after(ms, () => done(timer));
  });
}
