/**
 * Which model and version a place stands for, from names alone.
 *
 * A model's name travels in URLs, metrics and file names, so it keeps to one narrow alphabet; what
 * a folder or file is called is free, and is cut to it. Hand-scanned: names come from strangers.
 */

/** Longest name of a model and longest version, characters. */
export const nameLengthMax = 128;

/** The alphabet of model names, as JSON Schema shows it. */
export const namePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isAlphanumeric(code: number): boolean {
  const lower = code | 0x20;
  return isDigit(code) || (lower >= 97 && lower <= 122);
}

function isNameCharacter(code: number): boolean {
  return isAlphanumeric(code) || code === 45 || code === 46 || code === 95;
}

/** True for `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. */
export function isModelName(text: string): boolean {
  if (text.length === 0 || text.length > nameLengthMax) return false;
  if (!isAlphanumeric(text.charCodeAt(0))) return false;
  for (let index = 1; index < text.length; index += 1) {
    if (!isNameCharacter(text.charCodeAt(index))) return false;
  }
  return true;
}

/**
 * The nearest allowed name: accents are dropped, every other run of foreign characters becomes one
 * `-`, and it is cut to 128. `model` when nothing is left.
 */
export function nameOfText(text: string): string {
  let name = "";
  for (const character of text.normalize("NFKD")) {
    const code = character.codePointAt(0) as number;
    const isAccent = code >= 0x300 && code <= 0x36f;
    if (isAccent) continue;
    if (isNameCharacter(code)) name += character;
    else if (!name.endsWith("-")) name += "-";
  }
  let from = 0;
  while (from < name.length && !isAlphanumeric(name.charCodeAt(from))) from += 1;
  let to = Math.min(name.length, from + nameLengthMax);
  while (to > from && !isAlphanumeric(name.charCodeAt(to - 1))) to -= 1;
  return to === from ? "model" : name.slice(from, to);
}

/** True for a whole number without leading zeros, as in TensorFlow Serving and Triton. */
export function isIntegerVersion(text: string): boolean {
  if (text.length === 0 || text.length > 15) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (!isDigit(text.charCodeAt(index))) return false;
  }
  return text === "0" || text.charCodeAt(0) !== 48;
}

/** True for an integer or a SemVer (semver.org 2.0.0) of at most 128 characters. */
export function isVersion(text: string): boolean {
  if (text.length > nameLengthMax) return false;
  if (isIntegerVersion(text)) return true;
  const plus = text.indexOf("+");
  const build = plus === -1 ? undefined : text.slice(plus + 1);
  const front = plus === -1 ? text : text.slice(0, plus);
  const dash = front.indexOf("-");
  const pre = dash === -1 ? undefined : front.slice(dash + 1);
  const numbers = (dash === -1 ? front : front.slice(0, dash)).split(".");
  if (numbers.length !== 3 || !numbers.every(isIntegerVersion)) return false;
  return areIdentifiers(pre, true) && areIdentifiers(build, false);
}

/** Dot-separated identifiers of SemVer; whole numbers of a pre-release have no leading zeros. */
function areIdentifiers(text: string | undefined, isPre: boolean): boolean {
  if (text === undefined) return true;
  return text.split(".").every((each) => {
    if (each === "") return false;
    let isNumber = true;
    for (let index = 0; index < each.length; index += 1) {
      const code = each.charCodeAt(index);
      if (!isAlphanumeric(code) && code !== 45) return false;
      if (!isDigit(code)) isNumber = false;
    }
    return !isPre || !isNumber || each === "0" || each.charCodeAt(0) !== 48;
  });
}
