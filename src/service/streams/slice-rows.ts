/**
 * Decides how many rows the next slice of a stream has.
 *
 * Rows that share a request share its cost, so slices grow while they come back quickly; a slow
 * model keeps them small, because a row that is done waits for its slice. Whatever the time, a
 * slice's answers are held until their reader takes them, so they stay below a share of the mark.
 * Pure: the last slice in, a number out.
 */

export interface SliceRules {
  /** Rows of a slice, at most; 1 or more. */
  readonly rowsMax: number;
  /** Bytes of a slice's answers, at most, where they are known. */
  readonly answerBytesMax: number;
}

/** A slice that is back. */
export interface SliceBack {
  /** 1 or more. */
  readonly rows: number;
  /** From its start to its end, ms. */
  readonly tookMs: number;
  /** Bytes of its answers. */
  readonly answerBytes: number;
}

export const sliceRowsAtStart = 32;

/** Slices that come back faster are doubled, slower than `slowMs` halved. */
const quickMs = 25;
const slowMs = 100;

/** Rows of the next slice, 1 to `rowsMax`. */
export function nextSliceRows(now: number, back: SliceBack, rules: SliceRules): number {
  const rowBytes = back.answerBytes / back.rows;
  const fitting = rowBytes === 0 ? rules.rowsMax : Math.floor(rules.answerBytesMax / rowBytes);
  const most = Math.max(1, Math.min(rules.rowsMax, fitting));
  if (back.tookMs > slowMs) return Math.min(most, Math.max(1, now >> 1));
  // A short slice, the last of its stream, tells nothing of a longer one.
  const isProof = back.tookMs < quickMs && back.rows >= now;
  return Math.min(most, isProof ? now * 2 : now);
}
