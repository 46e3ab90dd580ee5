/**
 * Reads header blocks of HPACK (RFC 7541) into lists of fields.
 *
 * A block must be read whole whatever it says, because it changes the table that later ones are
 * read by; what exceeds the limits is read and not kept. Callers repeat themselves: a block equal
 * to the one before, where neither changed the table, gives the same list, and with it everything
 * that was made of it.
 */
import { ConnectionFault, errorCode } from "../fault.ts";
import type { RequestHead } from "./call-headers.ts";
import { type HeaderField, HeaderTable, isFitField, sizeOf } from "./header-table.ts";
import { readHuffman } from "./huffman.ts";

export interface HeaderLimits {
  /** Names and values together; the protocol's 32 bytes a field are not counted. */
  readonly headerBytesMax: number;
}

/** Fields of one call. */
export const headerPairsMax = 128;

/** Bytes of the table of one connection: what the protocol takes for granted. */
const tableBytesMax = 4_096;

/** Blocks above this are not remembered, byte. */
const rememberedBytesMax = 512;

/** The fields of one block, as far as the limits allow. */
export class HeaderList {
  /** At most `headerPairsMax`. */
  readonly fields: HeaderField[] = [];
  /** Names and values of all of them, kept or not. */
  bytes = 0;
  pairs = 0;
  /** Made of it once. */
  head: RequestHead | undefined;

  add(field: HeaderField, bytesMax: number): void {
    this.pairs += 1;
    this.bytes += sizeOf(field) - 32;
    if (this.pairs <= headerPairsMax && this.bytes <= bytesMax) this.fields.push(field);
  }
}

export class HeaderDecoder {
  readonly #limits: HeaderLimits;
  readonly #table = new HeaderTable(tableBytesMax);
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #hasChanged = false;
  #block = Buffer.alloc(0);
  #list: HeaderList | undefined;

  constructor(limits: HeaderLimits) {
    this.#limits = limits;
  }

  /** Reads one whole block. @throws ConnectionFault when it cannot be read */
  decode(bytes: Buffer, at: number, end: number): HeaderList {
    const known = this.#list;
    if (known !== undefined && isEqual(this.#block, bytes, { at, end })) return known;
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.#hasChanged = false;
    const list = new HeaderList();
    while (this.#at < this.#end) this.#readField(list);
    const isKept = !this.#hasChanged && end - at <= rememberedBytesMax;
    this.#list = isKept ? list : undefined;
    if (isKept) this.#block = Buffer.from(bytes.subarray(at, end));
    return list;
  }

  #readField(list: HeaderList): void {
    const first = this.#bytes[this.#at] as number;
    const bytesMax = this.#limits.headerBytesMax;
    if (first >= 0x80) list.add(this.#known(this.#number(7)), bytesMax);
    else if (first >= 0x40) {
      const field = this.#literal(6);
      this.#table.add(field);
      this.#hasChanged = true;
      list.add(field, bytesMax);
    } else if (first >= 0x20) {
      if (list.pairs > 0 || !this.#table.resize(this.#number(5))) throw broken();
      this.#hasChanged = true;
    } else list.add(this.#literal(4), bytesMax);
  }

  #literal(prefixBits: number): HeaderField {
    const index = this.#number(prefixBits);
    const name = index === 0 ? this.#text() : this.#known(index).name;
    const value = this.#text();
    return { name, value, isFit: isFitField(name, value) };
  }

  #known(index: number): HeaderField {
    const field = this.#table.at(index);
    if (field === undefined) throw broken();
    return field;
  }

  #number(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken();
  }

  #text(): string {
    const isCoded = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#number(7);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw broken();
    this.#at = to;
    if (isCoded) {
      const text = readHuffman(this.#bytes, from, to);
      if (text === undefined) throw broken();
      return text;
    }
    return this.#bytes.toString("latin1", from, to);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw broken();
    const byte = this.#bytes[this.#at] as number;
    this.#at += 1;
    return byte;
  }
}

function isEqual(
  block: Uint8Array,
  bytes: Uint8Array,
  { at, end }: { readonly at: number; readonly end: number },
): boolean {
  if (block.length !== end - at) return false;
  for (let index = 0; index < block.length; index += 1) {
    if (block[index] !== bytes[at + index]) return false;
  }
  return true;
}

function broken(): ConnectionFault {
  return new ConnectionFault(errorCode.compression, "a header block cannot be read");
}
