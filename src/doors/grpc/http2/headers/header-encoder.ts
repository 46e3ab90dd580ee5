/**
 * Writes header blocks of HPACK: plain literals that enter no table.
 *
 * So a block depends on no state and can be made once for all connections. A size of 0 for the
 * table is said in the first block of each, which keeps the promise whatever size the peer names.
 */

/** Says that no table is used; goes ahead of the first block of a connection. */
export const noTable = 0x20;

/** `:status: 200`, index 8 of the protocol's table. */
const statusOk = 0x88;
/** Prefixes of 4 and 7 bits. */
const nameMax = 15;
const textMax = 127;

/** The names of the static table that replies use. */
const nameIndex: { readonly [name: string]: number } = {
  ":status": 8,
  allow: 22,
  "content-type": 31,
  "retry-after": 53,
};

/** The block of `fields`. REQUIRES: names in lower case, values without controls. */
export function headerBlock(fields: { readonly [name: string]: string | number }): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const text = String(value);
    if (name === ":status" && text === "200") {
      bytes.push(statusOk);
      continue;
    }
    const index = nameIndex[name] ?? 0;
    pushNumber(bytes, index, nameMax);
    if (index === 0) pushText(bytes, name);
    pushText(bytes, text);
  }
  return Buffer.from(bytes);
}

function pushText(bytes: number[], text: string): void {
  pushNumber(bytes, text.length, textMax);
  for (let at = 0; at < text.length; at += 1) bytes.push(text.charCodeAt(at) & 0xff);
}

function pushNumber(bytes: number[], value: number, max: number): void {
  if (value < max) {
    bytes.push(value);
    return;
  }
  bytes.push(max);
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

/** A block whose last value differs from call to call. */
export interface HeadBlock {
  readonly fixed: Uint8Array;
  /** The last value, which `fixed` ends ahead of; `undefined` when `fixed` is all. */
  readonly text: string | undefined;
}

/** The part of a block that all calls share; `name` is what the varying text belongs to. */
export function blockAhead(
  fields: { readonly [name: string]: string | number },
  name: string,
): Buffer {
  const bytes: number[] = [0];
  pushText(bytes, name);
  return Buffer.concat([headerBlock(fields), Buffer.from(bytes)]);
}

export function headBytes({ fixed, text }: HeadBlock): number {
  if (text === undefined) return fixed.length;
  return fixed.length + (text.length < textMax ? 1 : 2) + text.length;
}

/** REQUIRES: a text of less than 255 characters. @returns the place behind it */
export function writeHead(into: Buffer, at: number, { fixed, text }: HeadBlock): number {
  into.set(fixed, at);
  let place = at + fixed.length;
  if (text === undefined) return place;
  if (text.length < textMax) into[place++] = text.length;
  else {
    into[place++] = textMax;
    into[place++] = text.length - textMax;
  }
  return place + into.write(text, place, "latin1");
}
