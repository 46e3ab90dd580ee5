/**
 * Finds the name somebody probably meant, for the "did you mean" of an error.
 *
 * Edit distance (insert, delete, replace) within a third of the word, at most 3; a difference in
 * case alone counts as nothing. Bounded on purpose, because the wanted word comes from a caller:
 * words over 128 characters get no suggestion, and at most 1,000 names are compared.
 */

const wordLengthMax = 128;
const namesMax = 1_000;
const distanceMax = 3;

/** The name nearest to `wanted`, or `undefined` when none is near; the first of equals. */
export function nearestName(wanted: string, names: Iterable<string>): string | undefined {
  if (wanted.length === 0 || wanted.length > wordLengthMax) return undefined;
  const word = wanted.toLowerCase();
  // One letter is no slip of another letter.
  const least = word.length === 1 ? 0 : 1;
  const allowed = Math.min(distanceMax, Math.max(least, Math.floor(word.length / 3)));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  let compared = 0;
  for (const name of names) {
    compared += 1;
    if (compared > namesMax || bestDistance === 0) break;
    if (Math.abs(name.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, name.toLowerCase(), bestDistance - 1);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean 'features'?`, or nothing when no name is near. */
export function didYouMean(wanted: string, names: Iterable<string>): string {
  const name = nearestName(wanted, names);
  return name === undefined ? "" : `; did you mean '${name}'?`;
}

/** Levenshtein's distance, or any number above `limit` when it is larger than `limit`. */
function editDistance(left: string, right: string, limit: number): number {
  let above = new Uint16Array(right.length + 1);
  let row = new Uint16Array(right.length + 1);
  for (let column = 0; column <= right.length; column += 1) above[column] = column;
  for (let line = 1; line <= left.length; line += 1) {
    row[0] = line;
    let smallest = line;
    for (let column = 1; column <= right.length; column += 1) {
      const isEqual = left.charCodeAt(line - 1) === right.charCodeAt(column - 1);
      const replaced = (above[column - 1] as number) + (isEqual ? 0 : 1);
      const shifted = Math.min(above[column] as number, row[column - 1] as number) + 1;
      const cost = Math.min(replaced, shifted);
      row[column] = cost;
      if (cost < smallest) smallest = cost;
    }
    if (smallest > limit) return limit + 1;
    [above, row] = [row, above];
  }
  return above[right.length] as number;
}
