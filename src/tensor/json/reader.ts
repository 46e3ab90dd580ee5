/**
 * A pull reader of JSON over bytes: the one reader of every door.
 *
 * The caller walks the body once and takes what it knows; nothing is built for what it skips.
 * Strict RFC 8259. Depth is counted as containers open, so neither a stack nor memory grows with
 * hostile nesting. One flag (`#isFirst`) knows where a comma belongs: entering sets it and every
 * step clears it, so closing a container leaves its parent in the right state.
 *
 *   reader.enterObject();
 *   while (reader.nextMember()) {
 *     if (reader.isKey("id")) id = reader.readString();
 *     else reader.skipValue();
 *   }
 *   reader.end();
 */
import type { ServingError } from "../../base/index.ts";
import { endOfNumber } from "./float.ts";
import { endsClosed } from "./float-run.ts";
import {
  depthError,
  type JsonKind,
  type JsonMark,
  kindOf,
  shownAt,
  syntaxError,
} from "./syntax.ts";
import { checkUtf8, type StringSpan, scanString, stringHas, unescapeInto } from "./text.ts";

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;
const quote = 0x22;

export class JsonReader {
  readonly bytes: Buffer;
  /** Offset of the next unread byte. Number readers of this folder move it. */
  at = 0;
  /** True when the body ends as an array or object must; lets number runs go unguarded. */
  readonly endsClosed: boolean;
  readonly #depthMax: number;
  #depth = 0;
  #isFirst = false;
  /** The last key: its bytes with escapes undone, and where they start and end. */
  #keyBytes: Buffer;
  #keyFrom = 0;
  #keyTo = 0;
  /** The last string scanned: its closing quote and the bits of `stringHas`. */
  #textTo = 0;
  #textHas = 0;
  /** While skipping: 1 at the levels that are objects. Made on first use; depthMax + 1 bytes. */
  #skipped: Uint8Array | undefined;

  /** @param depthMax levels of nesting (`jsonDepthMax`), >= 1 */
  constructor(bytes: Uint8Array, depthMax: number) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength);
    this.endsClosed = endsClosed(this.bytes);
    this.#depthMax = depthMax;
    this.#keyBytes = this.bytes;
  }

  /** Moves past white space; the byte there, or -1 at the end. */
  peekByte(): number {
    const bytes = this.bytes;
    const end = bytes.length;
    let at = this.at;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.at = at;
        return byte;
      }
      at += 1;
    }
    this.at = at;
    return -1;
  }

  /** The kind of the value that comes next. */
  peek(): JsonKind {
    return kindOf(this.peekByte());
  }

  /** What comes next, short and safe to show in a message. */
  shownNext(): string {
    this.peekByte();
    return shownAt(this.bytes, this.at);
  }

  /** Opens an object; then call `nextMember` until it is false. */
  enterObject(): void {
    if (this.peekByte() !== openBrace) throw this.unexpected("an object");
    this.#enter();
  }

  /** Opens an array; then call `nextElement` until it is false. */
  enterArray(): void {
    if (this.peekByte() !== openBracket) throw this.unexpected("an array");
    this.#enter();
  }

  #enter(): void {
    if (this.#depth >= this.#depthMax) throw depthError(this.at, this.#depthMax);
    this.#depth += 1;
    this.at += 1;
    this.#isFirst = true;
  }

  /** True when an element follows, which must be read; false when the array was closed. */
  nextElement(): boolean {
    const byte = this.peekByte();
    if (byte === comma && !this.#isFirst) {
      this.at += 1;
      if (this.peekByte() === closeBracket) throw this.unexpected("a value");
      return true;
    }
    if (byte === closeBracket) {
      this.#leave();
      return false;
    }
    if (!this.#isFirst) throw this.unexpected("',' or ']'");
    this.#isFirst = false;
    return true;
  }

  /** True when a member follows: its key was read, its value must be; false: the object closed. */
  nextMember(): boolean {
    let byte = this.peekByte();
    if (byte === closeBrace) {
      this.#leave();
      return false;
    }
    if (!this.#isFirst) {
      if (byte !== comma) throw this.unexpected("',' or '}'");
      this.at += 1;
      byte = this.peekByte();
    }
    if (byte !== quote) throw this.unexpected("a key in double quotes");
    this.#isFirst = false;
    this.#readKey();
    if (this.peekByte() !== colon) throw this.unexpected("':'");
    this.at += 1;
    return true;
  }

  #leave(): void {
    this.#depth -= 1;
    this.at += 1;
    this.#isFirst = false;
  }

  #readKey(): void {
    const from = this.#scan();
    this.#keyBytes = this.bytes;
    this.#keyFrom = from;
    this.#keyTo = this.#textTo;
    if ((this.#textHas & stringHas.escapes) === 0) return;
    this.#keyBytes = Buffer.allocUnsafe(this.#textTo - from);
    this.#keyFrom = 0;
    this.#keyTo = unescapeInto(this.#span(from), this.#keyBytes, 0);
  }

  /** Passes the string at `at` and notes its end and what it holds; where its text starts. */
  #scan(): number {
    const from = this.at + 1;
    const scanned = scanString(this.bytes, from);
    this.#textHas = scanned & 3;
    this.#textTo = Math.floor(scanned / 4);
    this.at = this.#textTo + 1;
    if (this.#textHas & stringHas.foreign) checkUtf8(this.#span(from));
    return from;
  }

  #span(from: number): StringSpan {
    return { bytes: this.bytes, from, to: this.#textTo };
  }

  /** True when the key of this member is `name`. REQUIRES: `name` is ASCII. */
  isKey(name: string): boolean {
    const from = this.#keyFrom;
    const length = name.length;
    if (this.#keyTo - from !== length) return false;
    const bytes = this.#keyBytes;
    for (let index = 0; index < length; index += 1) {
      if (bytes[from + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  /** The key of this member. Text only: never use it as a property name of an ordinary object. */
  keyText(): string {
    return this.#keyBytes.toString("utf8", this.#keyFrom, this.#keyTo);
  }

  /** @throws INVALID_REQUEST when the next value is not a string */
  readString(): string {
    if (this.peekByte() !== quote) throw this.unexpected("a string");
    const from = this.#scan();
    const to = this.#textTo;
    if (this.#textHas === stringHas.nothing) return this.bytes.toString("latin1", from, to);
    if ((this.#textHas & stringHas.escapes) === 0) return this.bytes.toString("utf8", from, to);
    const target = Buffer.allocUnsafe(to - from);
    return target.toString("utf8", 0, unescapeInto(this.#span(from), target, 0));
  }

  /** Writes the next string as UTF-8 at `targetAt` (room: `stringRoom()`); the offset after it. */
  readStringInto(target: Uint8Array, targetAt: number): number {
    if (this.peekByte() !== quote) throw this.unexpected("a string");
    const from = this.#scan();
    const to = this.#textTo;
    if (this.#textHas & stringHas.escapes) return unescapeInto(this.#span(from), target, targetAt);
    target.set(this.bytes.subarray(from, to), targetAt);
    return targetAt + to - from;
  }

  /** The most bytes the next string can have; the string stays unread. */
  stringRoom(): number {
    if (this.peekByte() !== quote) throw this.unexpected("a string");
    return Math.floor(scanString(this.bytes, this.at + 1) / 4) - this.at - 1;
  }

  /** @throws INVALID_REQUEST when the next value is not true or false */
  readBoolean(): boolean {
    const byte = this.peekByte();
    if (byte === 0x74 && this.#takeWord("true")) return true;
    if (byte === 0x66 && this.#takeWord("false")) return false;
    throw this.unexpected("true or false");
  }

  /** @throws INVALID_REQUEST when the next value is not null */
  readNull(): void {
    if (this.peekByte() !== 0x6e || !this.#takeWord("null")) throw this.unexpected("null");
  }

  #takeWord(word: string): boolean {
    const bytes = this.bytes;
    for (let index = 0; index < word.length; index += 1) {
      if (bytes[this.at + index] !== word.charCodeAt(index)) return false;
    }
    this.at += word.length;
    return true;
  }

  /** Moves past the next value, however deep, and checks its syntax. */
  skipValue(): void {
    const base = this.#depth;
    this.#skipOne();
    while (this.#depth > base) {
      const isObject = this.#skipped?.[this.#depth] === 1;
      const more = isObject ? this.nextMember() : this.nextElement();
      if (more) this.#skipOne();
    }
  }

  /** Skips a scalar, or opens a container and notes its kind. */
  #skipOne(): void {
    const byte = this.peekByte();
    if (byte === openBrace || byte === openBracket) {
      this.#enter();
      this.#skipped ??= new Uint8Array(this.#depthMax + 1);
      this.#skipped[this.#depth] = byte === openBrace ? 1 : 0;
    } else if (byte === quote) this.#skipString();
    else if (byte === 0x74 || byte === 0x66) this.readBoolean();
    else if (byte === 0x6e) this.readNull();
    else this.at = endOfNumber(this.bytes, this.at);
  }

  #skipString(): void {
    const from = this.#scan();
    if ((this.#textHas & stringHas.escapes) === 0) return;
    unescapeInto(this.#span(from), Buffer.allocUnsafe(this.#textTo - from), 0);
  }

  /** Goes back to `at`, the start of a value that was skipped, to read it now; then `resume`. */
  rewind(at: number): JsonMark {
    const mark = { at: this.at, depth: this.#depth, isFirst: this.#isFirst };
    this.at = at;
    return mark;
  }

  /** Returns to where `rewind` was called. */
  resume(mark: JsonMark): void {
    this.at = mark.at;
    this.#depth = mark.depth;
    this.#isFirst = mark.isFirst;
  }

  /** @throws INVALID_REQUEST when anything but white space follows */
  end(): void {
    if (this.peekByte() !== -1) throw this.unexpected("the end of the body");
  }

  /** The error for what stands at the reader's position. */
  unexpected(expected: string): ServingError {
    return syntaxError(this.bytes, this.at, expected);
  }
}
