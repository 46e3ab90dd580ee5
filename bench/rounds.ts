/**
 * Plays the rounds of one comparison: every side is warmed up, then measured in turn, A B A B.
 *
 * Interleaved, because on a machine that others use too the next minute is never like the last one.
 * Both sides of a comparison stay started; the one that is not measured is idle.
 */
import type { Rounds, Sample, Side } from "./sample.ts";
import { type Comparison, Stage, type StageOptions } from "./stage.ts";

export interface RoundOptions extends StageOptions {
  readonly rounds: number;
  /** Whole seconds a side is measured in a round. */
  readonly seconds: number;
  /** Told before each measurement; `undefined` when the rounds are over. */
  onProgress(what: string | undefined): void;
}

export interface Played {
  readonly rounds: Rounds;
  readonly skipped: ReadonlyMap<string, string>;
}

/** @throws Error when a side cannot be started or measured */
export async function play(comparison: Comparison, options: RoundOptions): Promise<Played> {
  const stage = new Stage(options);
  try {
    options.onProgress(`${comparison.name}: starting`);
    const sides = await comparison.setUp(stage);
    for (const side of sides) {
      options.onProgress(`${comparison.name}: warming up ${side.name}`);
      await side.measure(1);
    }
    const rounds = await measureAll(comparison, sides, options);
    return { rounds, skipped: stage.skipped };
  } finally {
    options.onProgress(undefined);
    await stage.close();
  }
}

async function measureAll(
  comparison: Comparison,
  sides: readonly Side[],
  options: RoundOptions,
): Promise<Rounds> {
  const count = Math.min(options.rounds, comparison.roundsMax ?? options.rounds);
  // One entry for each side.
  const samples = new Map<string, Sample[]>(sides.map((side) => [side.name, []]));
  for (let round = 1; round <= count; round += 1) {
    for (const side of sides) {
      options.onProgress(`${comparison.name}: round ${round} of ${count}, ${side.name}`);
      samples.get(side.name)?.push(await side.measure(options.seconds));
    }
  }
  return samples;
}
