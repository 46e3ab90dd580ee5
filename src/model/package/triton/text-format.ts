/**
 * Reads the text format of protocol buffers into a plain tree, without knowing any message.
 *
 * What `config.pbtxt` needs and no more: fields with and without ':', nested messages in braces or
 * angle brackets, lists in square brackets, repeated fields, strings with escapes and neighbours
 * that join, numbers, bare words, comments. Files come from strangers: size and depth are limited,
 * and every fault names its line. Extensions and `Any` in brackets are refused.
 * @see https://protobuf.dev/reference/protobuf/textformat-spec/
 */
import { ServingError } from "../../../base/index.ts";
import { type Token, Tokens } from "./text-tokens.ts";

const depthMax = 32;

export interface TextScalar {
  readonly kind: "string" | "number" | "word";
  /** A string's content, a number as written, or a bare word such as TYPE_FP32 or true. */
  readonly text: string;
  readonly line: number;
}

export interface TextMessage {
  readonly kind: "message";
  /** Values by field, repeated ones in order. At most one entry for four characters of the file. */
  readonly fields: ReadonlyMap<string, readonly TextValue[]>;
  readonly line: number;
}

export type TextValue = TextScalar | TextMessage;

/**
 * Parses a whole file.
 *
 * @param file its name, for messages
 * @throws MODEL_INVALID naming file and line
 */
export function parseTextFormat(text: string, file: string): TextMessage {
  const tokens = new Tokens(text, file);
  const message = readMessage(tokens, "", 0);
  return message;
}

/** Reads fields up to the closing mark, or to the end of the file when there is none. */
function readMessage(tokens: Tokens, close: string, depth: number): TextMessage {
  const { line } = tokens.peek();
  if (depth > depthMax) throw tokens.fault(`nested over ${depthMax} levels`);
  const fields = new Map<string, TextValue[]>();
  for (;;) {
    const token = tokens.next();
    if (token.kind === "end" ? close === "" : isMark(token, close)) break;
    if (token.kind !== "word") throw tokens.fault(`expected a field name, got ${shown(token)}`);
    const values = fields.get(token.text) ?? [];
    fields.set(token.text, values);
    readField(tokens, values, depth);
    if (isMark(tokens.peek(), ",") || isMark(tokens.peek(), ";")) tokens.next();
  }
  return { kind: "message", fields, line };
}

function readField(tokens: Tokens, values: TextValue[], depth: number): void {
  const hasColon = isMark(tokens.peek(), ":");
  if (hasColon) tokens.next();
  if (!isMark(tokens.peek(), "[")) {
    values.push(readValue(tokens, hasColon, depth));
    return;
  }
  tokens.next();
  if (isMark(tokens.peek(), "]")) {
    tokens.next();
    return;
  }
  for (;;) {
    values.push(readValue(tokens, hasColon, depth));
    const token = tokens.next();
    if (isMark(token, "]")) return;
    if (!isMark(token, ",")) throw tokens.fault(`expected ',' or ']', got ${shown(token)}`);
    // A comma before the bracket is common in hand-written files.
    if (isMark(tokens.peek(), "]")) {
      tokens.next();
      return;
    }
  }
}

function readValue(tokens: Tokens, isScalarAllowed: boolean, depth: number): TextValue {
  const token = tokens.next();
  if (isMark(token, "{")) return readMessage(tokens, "}", depth + 1);
  if (isMark(token, "<")) return readMessage(tokens, ">", depth + 1);
  if (token.kind === "end" || token.kind === "mark" || !isScalarAllowed) {
    throw tokens.fault(`expected a value, got ${shown(token)}`);
  }
  let { text } = token;
  while (token.kind === "string" && tokens.peek().kind === "string") text += tokens.next().text;
  return { kind: token.kind, text, line: token.line };
}

function isMark(token: Token, mark: string): boolean {
  return token.kind === "mark" && token.text === mark;
}

function shown(token: Token): string {
  if (token.kind === "end") return "the end of the file";
  return `'${token.text.length > 40 ? `${token.text.slice(0, 40)}...` : token.text}'`;
}

/** A fault of a file at a line. */
export function textFault(file: string, line: number, message: string): ServingError {
  return new ServingError("MODEL_INVALID", `${file} line ${line}: ${message}`);
}
