/**
 * The tokens for values that JSON has not, as TensorFlow Serving reads and writes them.
 *
 * Off unless a dialect asks for it: RFC 8259 knows no NaN, and a reader that takes it by default
 * hides the mistake of a caller.
 */

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Longest spelling first. */
const spellings: readonly (readonly [text: string, value: number])[] = [
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Inf", Number.NEGATIVE_INFINITY],
  ["Inf", Number.POSITIVE_INFINITY],
  ["NaN", Number.NaN],
];

/** Reads the token at `at` and moves the cursor behind it; `undefined` when there is none. */
export function readBareToken(cursor: Cursor, at: number): number | undefined {
  for (const [text, value] of spellings) {
    if (!isAt(cursor.bytes, at, text)) continue;
    cursor.at = at + text.length;
    return value;
  }
  return undefined;
}

function isAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** The token of a value that is not finite. */
export function bareTokenText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}
