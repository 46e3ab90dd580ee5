/**
 * Cuts the text format of protocol buffers into words, numbers, strings and marks.
 *
 * Hand-scanned, one pass, one token of look-ahead. White space and `#` comments vanish here.
 */
import { ServingError } from "../../../base/index.ts";

export interface Token {
  readonly kind: "word" | "number" | "string" | "mark" | "end";
  /** A string's content with escapes resolved; else as written. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const marks = "{}[]<>:,;";
const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
};

export class Tokens {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;
  #ahead: Token | undefined;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  peek(): Token {
    this.#ahead ??= this.#read();
    return this.#ahead;
  }

  next(): Token {
    const token = this.peek();
    this.#ahead = undefined;
    return token;
  }

  /** MODEL_INVALID at the line that was read last. */
  fault(message: string): ServingError {
    return new ServingError("MODEL_INVALID", `${this.#file} line ${this.#line}: ${message}`);
  }

  #read(): Token {
    this.#skip();
    const line = this.#line;
    const character = this.#text[this.#at];
    if (character === undefined) return { kind: "end", text: "", line };
    if (marks.includes(character)) {
      this.#at += 1;
      return { kind: "mark", text: character, line };
    }
    if (character === '"' || character === "'") {
      return { kind: "string", text: this.#string(character), line };
    }
    const from = this.#at;
    while (isWordCode(this.#text.charCodeAt(this.#at))) this.#at += 1;
    const text = this.#text.slice(from, this.#at);
    if (text === "") {
      this.#at += 1;
      throw this.fault(`unexpected character U+${hex(this.#text.codePointAt(from) ?? 0)}`);
    }
    const first = text.charCodeAt(0);
    const isNumber = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46;
    return { kind: isNumber ? "number" : "word", text, line };
  }

  /** Passes white space and comments. */
  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 35) {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end === -1 ? this.#text.length : end;
      } else if (code === 10) {
        this.#line += 1;
        this.#at += 1;
      } else if (code === 32 || (code >= 9 && code <= 13) || code === 0xfeff) this.#at += 1;
      else return;
    }
  }

  #string(quote: string): string {
    let content = "";
    this.#at += 1;
    let from = this.#at;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === "\n") throw this.fault("unfinished string");
      if (character !== quote && character !== "\\") {
        this.#at += 1;
        continue;
      }
      content += this.#text.slice(from, this.#at);
      this.#at += 1;
      if (character === quote) return content;
      content += this.#escape();
      from = this.#at;
    }
  }

  /** The character behind a backslash: a letter, up to three octal or two hexadecimal digits. */
  #escape(): string {
    const character = this.#text[this.#at] ?? "";
    const isHex = character === "x" || character === "X";
    if (isHex) this.#at += 1;
    const digits = this.#digits(isHex ? 16 : 8, isHex ? 2 : 3);
    if (digits !== "") {
      const code = Number.parseInt(digits, isHex ? 16 : 8);
      if (code > 127) throw this.fault("escaped bytes beyond ASCII are not read here: write UTF-8");
      return String.fromCharCode(code);
    }
    if (isHex) throw this.fault("unknown escape in a string");
    this.#at += 1;
    if (Object.hasOwn(escapes, character)) return escapes[character] as string;
    if (character !== "" && "\"'\\?".includes(character)) return character;
    throw this.fault("unknown escape in a string");
  }

  #digits(base: 8 | 16, countMax: number): string {
    const from = this.#at;
    while (this.#at - from < countMax && isDigitOf(base, this.#text.charCodeAt(this.#at))) {
      this.#at += 1;
    }
    return this.#text.slice(from, this.#at);
  }
}

function isDigitOf(base: 8 | 16, code: number): boolean {
  if (base === 8) return code >= 48 && code <= 55;
  const lower = code | 0x20;
  return (code >= 48 && code <= 57) || (lower >= 97 && lower <= 102);
}

/** Letters, digits, and `_ . + - $ /`, which names, numbers and paths are made of. */
function isWordCode(code: number): boolean {
  const lower = code | 0x20;
  const isLetter = lower >= 97 && lower <= 122;
  return isLetter || (code >= 48 && code <= 57) || code === 95 || "+-.$/".includes(charOf(code));
}

function charOf(code: number): string {
  return Number.isNaN(code) ? " " : String.fromCharCode(code);
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, "0");
}
