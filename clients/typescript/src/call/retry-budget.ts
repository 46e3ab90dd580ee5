/**
 * The retry budget: extra attempts may be a tenth of the successes, over the life of a client.
 *
 * A success earns a tenth of a token, an extra attempt (retry or hedge) costs one; the purse starts
 * full, so that a young client may retry too. While everything fails the purse empties and nothing
 * is tried twice, which is what keeps clients from tripling the load of a server in trouble.
 */

/** Tokens that the purse holds at most, and at the start. */
export const tokensMax = 10;
const earned = 0.1;

export class RetryBudget {
  // Counted in tenths, so that ten successes make one token exactly.
  #tenths = tokensMax / earned;

  /** From 0 to `tokensMax`. */
  get tokens(): number {
    return this.#tenths * earned;
  }

  succeeded(): void {
    this.#tenths = Math.min(tokensMax / earned, this.#tenths + 1);
  }

  /** Takes a token; false when there is none. */
  spend(): boolean {
    if (this.#tenths < 1 / earned) return false;
    this.#tenths -= 1 / earned;
    return true;
  }
}
