/**
 * Random numbers are passed in, so that a seed replays a run.
 */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Draws from the runtime; for jitter and ids, never for secrets. */
export const systemRandom: Random = { next: () => Math.random() };

/**
 * A seeded generator (xorshift32: G. Marsaglia, J. Stat. Softw. 8 (2003) 14).
 *
 * @param seed any whole number; 0 is replaced, because xorshift stays at 0
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0 || 0x9e3779b9;
  return {
    next() {
      state ^= state << 13;
      state >>>= 0;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      return state / 2 ** 32;
    },
  };
}
