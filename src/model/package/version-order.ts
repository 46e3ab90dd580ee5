/**
 * Which version is the higher one.
 *
 * Integers by value, SemVer by precedence (semver.org 2.0.0, section 11: build text does not count,
 * a pre-release is lower than its release), an integer below the SemVers of its major number.
 * Numbers of any length compare as text, so none is rounded. Anything else is below all versions.
 */
import { isVersion } from "./identity.ts";

/** Negative when `a` is lower than `b`, positive when higher, 0 when equal in precedence. */
export function compareVersions(a: string, b: string): number {
  const [isLeft, isRight] = [isVersion(a), isVersion(b)];
  if (!isLeft || !isRight) {
    if (isLeft !== isRight) return isLeft ? 1 : -1;
    return a < b ? -1 : Number(a > b);
  }
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < 3; index += 1) {
    const [x, y] = [left.numbers[index], right.numbers[index]];
    if (x === undefined || y === undefined) {
      if (x !== y) return x === undefined ? -1 : 1;
      continue;
    }
    const order = compareNumbers(x, y);
    if (order !== 0) return order;
  }
  return comparePre(left.pre, right.pre);
}

interface Parts {
  /** One for an integer, three for SemVer. */
  readonly numbers: readonly string[];
  /** Identifiers of the pre-release; none for a release. */
  readonly pre: readonly string[];
}

function partsOf(version: string): Parts {
  const front = version.split("+", 1)[0] ?? "";
  const dash = front.indexOf("-");
  const core = dash === -1 ? front : front.slice(0, dash);
  return { numbers: core.split("."), pre: dash === -1 ? [] : front.slice(dash + 1).split(".") };
}

/** REQUIRES: digits without leading zeros. */
function compareNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
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
  const [isLeft, isRight] = [isNumber(a), isNumber(b)];
  if (isLeft && isRight) return compareNumbers(a, b);
  if (isLeft !== isRight) return isLeft ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

function isNumber(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return text !== "";
}
