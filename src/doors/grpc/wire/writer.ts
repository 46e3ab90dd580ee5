/**
 * Writes the wire format of protobuf into a buffer whose size was worked out before.
 *
 * Two passes, sizes then bytes, so that a reply is one allocation and no copy of it is made.
 */

/** Bytes of an unsigned number below 2^53 as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

/** Bytes of a length-delimited field whose tag takes one byte. REQUIRES: field number < 16. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Writes an unsigned number below 2^53. @returns the place behind it */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let place = at;
  let rest = value;
  while (rest >= 0x80) {
    into[place] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
    place += 1;
  }
  into[place] = rest;
  return place + 1;
}

/** Writes tag and length of a length-delimited field. REQUIRES: field number < 16. */
export function writeHead(into: Uint8Array, at: number, head: FieldHead): number {
  into[at] = (head.field << 3) | 2;
  return writeVarint(into, at + 1, head.length);
}

export interface FieldHead {
  readonly field: number;
  /** Bytes that follow. */
  readonly length: number;
}

/** A string field as bytes, tag and length included; nothing for "". REQUIRES: number < 16. */
export function textField(field: number, text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  const content = Buffer.from(text);
  const whole = Buffer.alloc(fieldSize(content.length));
  content.copy(whole, writeHead(whole, 0, { field, length: content.length }));
  return whole;
}
