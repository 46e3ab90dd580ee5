/**
 * Decides how a batch that failed by its requests is run again, so that only the one at fault
 * fails: rejected inputs, an output that breaks the signature, too little memory for all together.
 *
 * A small batch is run one by one; a larger one is halved until it is small, which finds one bad
 * request among 32 in about ten runs instead of 32. A batch of one needs no second run: it is the
 * one at fault.
 */

/** At most so many requests are tried one by one. */
const singlesMax = 4;

/** The parts in which `requests` are run again, in order. REQUIRES: not empty. */
export function splitRejected<T>(requests: readonly T[]): T[][] {
  if (requests.length <= singlesMax) return requests.map((each) => [each]);
  const half = Math.ceil(requests.length / 2);
  return [requests.slice(0, half), requests.slice(half)];
}
