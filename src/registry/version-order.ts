/**
 * Which version is the higher one.
 *
 * Integers by value, SemVer by precedence (semver.org 2.0.0, section 11), integers below SemVer of
 * the same major. Anything else compares as text, below both.
 */

interface Parsed {
  readonly numbers: readonly number[];
  readonly pre: readonly string[];
}

function isDigits(text: string): boolean {
  if (text.length === 0 || text.length > 15) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

function parse(version: string): Parsed | undefined {
  const withoutBuild = version.split("+", 1)[0] ?? "";
  const dash = withoutBuild.indexOf("-");
  const core = dash === -1 ? withoutBuild : withoutBuild.slice(0, dash);
  const numbers = core.split(".");
  if ((numbers.length !== 1 && numbers.length !== 3) || !numbers.every(isDigits)) return undefined;
  const pre = dash === -1 ? [] : withoutBuild.slice(dash + 1).split(".");
  return { numbers: numbers.map(Number), pre };
}

/** Negative when `a` is lower than `b`, positive when higher, 0 when equal in precedence. */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  if (left === undefined || right === undefined) {
    if (left !== undefined) return 1;
    if (right !== undefined) return -1;
    return a < b ? -1 : a > b ? 1 : 0;
  }
  for (let index = 0; index < 3; index += 1) {
    const difference = (left.numbers[index] ?? -1) - (right.numbers[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return comparePre(left.pre, right.pre);
}

function comparePre(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = compareIdentifiers(a[index] ?? "", b[index] ?? "");
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareIdentifiers(a: string, b: string): number {
  if (a === b) return 0;
  if (isDigits(a) && isDigits(b)) return Number(a) - Number(b);
  if (isDigits(a)) return -1;
  if (isDigits(b)) return 1;
  return a < b ? -1 : 1;
}
