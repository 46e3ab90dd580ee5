/**
 * Reads the JSON of a reply, exact: a whole number that a double cannot hold becomes a bigint.
 *
 * Texts without such numbers, which is nearly all, go to `JSON.parse`. The others are read by hand:
 * a reviver sees the source text of a number in some runtimes only. Keys are set as own properties,
 * so `__proto__` is a key like any other.
 */

/** Levels of nesting that are read. */
const depthMax = 256;
/** Digits of 2^53; shorter whole numbers are exact in a double. */
const digitsMin = 16;

/** @throws SyntaxError when the text is no JSON */
export function readJson(text: string): unknown {
  return hasLongDigits(text) ? new SlowReader(text).readWhole() : JSON.parse(text);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** True when 16 digits stand in a row anywhere, in a string or not. */
function hasLongDigits(text: string): boolean {
  let run = 0;
  for (let at = 0; at < text.length; at += 1) {
    run = isDigit(text.charCodeAt(at)) ? run + 1 : 0;
    if (run === digitsMin) return true;
  }
  return false;
}

function isWholeText(token: string): boolean {
  return !token.includes(".") && !token.includes("e") && !token.includes("E");
}

class SlowReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readWhole(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#fault();
    return value;
  }

  #fault(): SyntaxError {
    return new SyntaxError(`unexpected text in JSON at position ${this.#at}`);
  }

  #skipSpace(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #value(depth: number): unknown {
    if (depth > depthMax) throw new SyntaxError(`JSON is nested deeper than ${depthMax} levels`);
    if (this.#take("{")) return this.#object(depth);
    if (this.#take("[")) return this.#list(depth);
    if (this.#text[this.#at] === '"') return this.#string();
    return this.#scalar();
  }

  #object(depth: number): object {
    const found: Record<string, unknown> = {};
    if (this.#take("}")) return found;
    do {
      this.#skipSpace();
      const key = this.#string();
      if (!this.#take(":")) throw this.#fault();
      const value = this.#value(depth + 1);
      const own = { value, enumerable: true, writable: true, configurable: true };
      Object.defineProperty(found, key, own);
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#fault();
    return found;
  }

  #list(depth: number): unknown[] {
    const found: unknown[] = [];
    if (this.#take("]")) return found;
    do found.push(this.#value(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) throw this.#fault();
    return found;
  }

  #string(): string {
    const from = this.#at;
    if (this.#text[from] !== '"') throw this.#fault();
    let end = from + 1;
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at = end + 1;
    return String(JSON.parse(this.#text.slice(from, end + 1)));
  }

  /** A number, `true`, `false` or `null`. */
  #scalar(): unknown {
    const from = this.#at;
    while (!",]} \t\n\r".includes(this.#text[this.#at] ?? ",")) this.#at += 1;
    const token = this.#text.slice(from, this.#at);
    const value: unknown = JSON.parse(token);
    const isLong = typeof value === "number" && !Number.isSafeInteger(value);
    return isLong && isWholeText(token) ? BigInt(token) : value;
  }
}
