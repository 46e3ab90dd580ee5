/**
 * A cell of a table as a JSON number.
 */

const words: readonly string[] = ["true", "false"];

/**
 * The JSON of a number or truth value, or `undefined` when the text is neither. Takes what pandas
 * writes and reads beyond JSON: a plus sign, no digit before or behind the point, `True`.
 */
export function jsonNumberOf(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (words.includes(lower)) return lower;
  let at = 0;
  const sign = text[0] === "-" ? "-" : "";
  if (text[0] === "-" || text[0] === "+") at = 1;
  const whole = digitsFrom(text, at);
  at += whole.length;
  let fraction = "";
  if (text[at] === ".") {
    fraction = digitsFrom(text, at + 1);
    at += 1 + fraction.length;
  }
  if (whole === "" && fraction === "") return undefined;
  const exponent = exponentFrom(text, at);
  if (exponent === undefined || at + exponent.length !== text.length) return undefined;
  return `${sign}${withoutZeros(whole)}${fraction === "" ? "" : `.${fraction}`}${exponent}`;
}

function digitsFrom(text: string, from: number): string {
  let to = from;
  while (to < text.length && isDigit(text.charCodeAt(to))) to += 1;
  return text.slice(from, to);
}

/** `e-3`, "" when there is none, or `undefined` when it has no digits. */
function exponentFrom(text: string, from: number): string | undefined {
  if (text[from] !== "e" && text[from] !== "E") return "";
  const isSigned = text[from + 1] === "-" || text[from + 1] === "+";
  const digits = digitsFrom(text, from + (isSigned ? 2 : 1));
  if (digits === "") return undefined;
  return text.slice(from, from + (isSigned ? 2 : 1)) + digits;
}

/** JSON has no leading zeros. */
function withoutZeros(digits: string): string {
  let from = 0;
  while (from < digits.length - 1 && digits[from] === "0") from += 1;
  return digits === "" ? "0" : digits.slice(from);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
