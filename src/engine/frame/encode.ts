/**
 * Turns a batch or a result into the bytes of one frame.
 *
 * The parts of a batch are joined while they are copied into the frame, so joining costs one copy.
 * A joined numeric tensor of `directBytesMin` or more is not copied at all: its parts become chunks
 * of their own, and the socket gathers them (writev). Invariant: the chunks together are exactly
 * the length that the header says.
 */
import {
  ByteStrings,
  dtypeTable,
  type NumericArray,
  type NumericDtype,
  type Tensor,
  viewNumeric,
} from "../../tensor/index.ts";
import { FrameFault } from "./frame.ts";
import { frameBytesMax, headerBytes, headerWords, padded, wantedAll } from "./layout.ts";
import { Slab } from "./slab.ts";

/** From this size on a chunk of its own is cheaper than a copy (measured: about 60 KiB). */
const directBytesMin = 64 * 1024;

/** Below this length a loop beats `TypedArray.set` (measured). */
const loopLengthMax = 24;

const zeros = new Uint8Array(8);

export interface FrameHead {
  readonly kind: number;
  readonly instance: number;
  readonly batch: number;
  readonly extra: number;
}

/** One share of the tensors: a place for each tensor of the signature, `undefined` = not given. */
export interface Share {
  readonly inputs: readonly (Tensor | undefined)[];
}

/** One tensor of the frame, joined from the same place of all shares. */
interface Column {
  readonly index: number;
  readonly first: Tensor;
  /** Size of the first dimension of the join; -1 for a scalar. */
  readonly items: number;
  readonly bytes: number;
  readonly isDirect: boolean;
}

/** Makes frames; one for each socket. */
export class FrameEncoder {
  readonly #slab = new Slab();

  /** A frame whose body is `value` as JSON. */
  control(head: Omit<FrameHead, "extra">, value: unknown): Uint8Array[] {
    const text = Buffer.from(JSON.stringify(value), "utf8");
    const total = padded(headerBytes + text.length);
    const { buffer, byteOffset } = this.#slab.take(total);
    writeHead(new Uint32Array(buffer, byteOffset, headerWords), total, {
      ...head,
      extra: text.length,
    });
    const frame = new Uint8Array(buffer, byteOffset, total);
    frame.set(text, headerBytes);
    return [frame];
  }

  /** A frame without a body. */
  bare(head: FrameHead): Uint8Array[] {
    const { buffer, byteOffset } = this.#slab.take(headerBytes);
    writeHead(new Uint32Array(buffer, byteOffset, headerWords), headerBytes, head);
    return [new Uint8Array(buffer, byteOffset, headerBytes)];
  }

  /**
   * A RUN or RESULT frame of the shares joined along the first dimension, as chunks for one write.
   *
   * REQUIRES: all shares have the same tensors, dtypes and shapes but for the first dimension;
   * numeric memory stays unchanged until the socket has written it.
   * @throws FrameFault when the frame would be over `frameBytesMax`
   */
  tensors(
    head: FrameHead,
    wanted: readonly number[] | undefined,
    shares: readonly Share[],
  ): Uint8Array[] {
    const columns = columnsOf(shares);
    let words = headerWords + 2 + (wanted?.length ?? 0);
    for (const column of columns) words += 3 + column.first.shape.length;
    const tableBytes = padded(words * 4);
    let total = tableBytes;
    let copied = tableBytes;
    for (const column of columns) {
      total += padded(column.bytes);
      if (!column.isDirect) copied += padded(column.bytes);
    }
    if (total > frameBytesMax) throw new FrameFault(`${total} bytes are more than a frame holds`);
    const { buffer, byteOffset } = this.#slab.take(copied);
    const table = new Uint32Array(buffer, byteOffset, tableBytes / 4);
    writeHead(table, total, head);
    writeTable(table, wanted, columns);
    const payloads = new PayloadWriter(buffer, byteOffset, byteOffset + tableBytes);
    for (const column of columns) payloads.write(column, shares);
    return payloads.finish();
  }
}

function writeHead(words: Uint32Array, total: number, head: FrameHead): void {
  words[0] = total;
  words[1] = head.kind | (head.instance << 8);
  words[2] = head.batch;
  words[3] = head.extra;
}

function writeTable(
  table: Uint32Array,
  wanted: readonly number[] | undefined,
  columns: readonly Column[],
): void {
  let at = headerWords;
  table[at++] = columns.length;
  table[at++] = wanted === undefined ? wantedAll : wanted.length;
  for (const index of wanted ?? []) table[at++] = index;
  for (const { index, first, items, bytes } of columns) {
    const rank = first.shape.length;
    table[at++] = index;
    table[at++] = dtypeTable[first.dtype].code | (rank << 8);
    table[at++] = bytes;
    for (let axis = 0; axis < rank; axis += 1) {
      table[at++] = axis === 0 ? items : (first.shape[axis] ?? 0);
    }
  }
}

function columnsOf(shares: readonly Share[]): Column[] {
  const columns: Column[] = [];
  const places = shares[0]?.inputs.length ?? 0;
  for (let index = 0; index < places; index += 1) {
    const first = shares[0]?.inputs[index];
    if (first !== undefined) columns.push(columnAt(shares, index, first));
  }
  return columns;
}

function columnAt(shares: readonly Share[], index: number, first: Tensor): Column {
  let items = 0;
  let bytes = 0;
  for (const share of shares) {
    const tensor = share.inputs[index];
    if (tensor?.dtype !== first.dtype) throw new FrameFault("shares of unlike tensors");
    items += tensor.shape[0] ?? -1;
    bytes += payloadBytes(tensor);
  }
  const isBytes = first.dtype === "BYTES";
  if (isBytes) bytes += 4;
  return { index, first, items, bytes, isDirect: !isBytes && bytes >= directBytesMin };
}

/** Bytes of the elements; for BYTES with one offset each. */
function payloadBytes(tensor: Tensor): number {
  if (tensor.dtype !== "BYTES") return tensor.elements.byteLength;
  return tensor.elements.byteLength + 4 * tensor.elements.length;
}

/** Fills the payloads behind a table and cuts the memory into chunks where direct ones lie. */
class PayloadWriter {
  readonly #buffer: ArrayBuffer;
  readonly #chunks: Uint8Array[] = [];
  #chunkAt: number;
  #at: number;

  constructor(buffer: ArrayBuffer, chunkAt: number, at: number) {
    this.#buffer = buffer;
    this.#chunkAt = chunkAt;
    this.#at = at;
  }

  write(column: Column, shares: readonly Share[]): void {
    const { first, index } = column;
    if (column.isDirect) this.#direct(column, shares);
    else if (first.dtype === "BYTES") this.#strings(column, shares);
    else this.#numbers(first.dtype, index, shares);
    if (!column.isDirect) this.#at += padded(column.bytes);
  }

  finish(): Uint8Array[] {
    this.#cut();
    return this.#chunks;
  }

  #cut(): void {
    if (this.#at === this.#chunkAt) return;
    this.#chunks.push(new Uint8Array(this.#buffer, this.#chunkAt, this.#at - this.#chunkAt));
    this.#chunkAt = this.#at;
  }

  #direct(column: Column, shares: readonly Share[]): void {
    this.#cut();
    for (const share of shares) {
      const elements = share.inputs[column.index]?.elements;
      if (elements === undefined || elements instanceof ByteStrings) continue;
      const { buffer, byteOffset, byteLength } = elements;
      if (byteLength > 0) this.#chunks.push(new Uint8Array(buffer, byteOffset, byteLength));
    }
    const gap = padded(column.bytes) - column.bytes;
    if (gap > 0) this.#chunks.push(zeros.subarray(0, gap));
  }

  #numbers(dtype: NumericDtype, index: number, shares: readonly Share[]): void {
    let length = 0;
    for (const share of shares) length += share.inputs[index]?.elements.length ?? 0;
    const target = viewNumeric(dtype, { buffer: this.#buffer, byteOffset: this.#at, length });
    let at = 0;
    for (const share of shares) {
      const elements = share.inputs[index]?.elements as NumericArray;
      if (elements.length <= loopLengthMax) copyShort(target, at, elements);
      else target.set(elements as never, at);
      at += elements.length;
    }
  }

  #strings(column: Column, shares: readonly Share[]): void {
    let count = 0;
    for (const share of shares) count += share.inputs[column.index]?.elements.length ?? 0;
    const offsets = new Uint32Array(this.#buffer, this.#at, count + 1);
    const bytes = new Uint8Array(this.#buffer, this.#at + 4 * (count + 1));
    let at = 1;
    let filled = 0;
    for (const share of shares) {
      const elements = share.inputs[column.index]?.elements;
      if (!(elements instanceof ByteStrings)) continue;
      const base = elements.offsets[0] ?? 0;
      const end = elements.offsets[elements.length] ?? 0;
      bytes.set(elements.bytes.subarray(base, end), filled);
      for (let element = 1; element <= elements.length; element += 1) {
        offsets[at++] = (elements.offsets[element] ?? 0) - base + filled;
      }
      filled += end - base;
    }
  }
}

function copyShort(target: NumericArray, at: number, elements: NumericArray): void {
  for (let place = 0; place < elements.length; place += 1) {
    target[at + place] = elements[place] as never;
  }
}
