/**
 * One received frame: its header as numbers, its body as views.
 *
 * Nothing in a body is believed: a length, dtype, rank or offset that does not fit the frame throws
 * a `FrameFault`, and whoever reads the socket ends the conversation. The views share the memory of
 * the read buffer, which is never written again.
 */
import {
  ByteStrings,
  dtypeOfCode,
  dtypeTable,
  elementCount,
  type Tensor,
  viewNumeric,
} from "../../tensor/index.ts";
import { frameRankMax, headerBytes, headerWords, padded, wantedAll } from "./layout.ts";

/** The other side broke the rules of the frame. */
export class FrameFault extends Error {}

export interface Frame {
  readonly kind: number;
  readonly instance: number;
  readonly batch: number;
  readonly extra: number;
  /** The whole frame; starts at a multiple of 8. */
  readonly bytes: Uint8Array;
}

/** The tensors of a RUN or RESULT body, in the order they were written. */
export interface FrameTensors {
  readonly tensors: readonly Tensor[];
  /** The place of each tensor in the signature. */
  readonly indexes: readonly number[];
  /** Wanted outputs, or `undefined` for all. */
  readonly wanted: readonly number[] | undefined;
}

/** REQUIRES: `bytes` is one whole frame at a multiple of 8. */
export function frameAt(bytes: Uint8Array): Frame {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, headerWords);
  const tag = words[1] ?? 0;
  const batch = words[2] ?? 0;
  return { kind: tag & 0xff, instance: tag >>> 8, batch, extra: words[3] ?? 0, bytes };
}

/** The JSON value of a control frame. */
export function readControl(frame: Frame): unknown {
  if (frame.extra > frame.bytes.length - headerBytes) throw new FrameFault("control text too long");
  const { buffer, byteOffset } = frame.bytes;
  const text = Buffer.from(buffer, byteOffset + headerBytes, frame.extra).toString("utf8");
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new FrameFault("control text is not JSON", { cause: thrown });
  }
}

/** Views of the tensors in a RUN or RESULT frame; throws FrameFault. */
export function readTensors(frame: Frame): FrameTensors {
  return new TensorsReader(frame.bytes).read();
}

/** One pass over the table; the payloads follow in the same order. */
class TensorsReader {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  #at = headerWords;
  /** Where the next payload starts, in bytes of the frame. */
  #payloadAt = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }

  read(): FrameTensors {
    const count = this.#word();
    const wanted = this.#wanted(this.#word());
    const tableAt = this.#at;
    this.#payloadAt = padded(this.#endOfTable(count) * 4);
    this.#at = tableAt;
    const tensors: Tensor[] = [];
    const indexes: number[] = [];
    for (let place = 0; place < count; place += 1) {
      indexes.push(this.#word());
      tensors.push(this.#tensor());
    }
    return { tensors, indexes, wanted };
  }

  #word(): number {
    const value = this.#words[this.#at];
    if (value === undefined) throw new FrameFault("table runs past the frame");
    this.#at += 1;
    return value;
  }

  #wanted(count: number): number[] | undefined {
    if (count === wantedAll) return undefined;
    if (count > this.#words.length) throw new FrameFault("more wanted outputs than words");
    const wanted: number[] = [];
    for (let place = 0; place < count; place += 1) wanted.push(this.#word());
    return wanted;
  }

  #endOfTable(count: number): number {
    for (let place = 0; place < count; place += 1) {
      this.#at += 1;
      const rank = this.#word() >>> 8;
      if (rank > frameRankMax) throw new FrameFault(`rank ${rank}`);
      this.#at += 1 + rank;
    }
    return this.#at;
  }

  #tensor(): Tensor {
    const kind = this.#word();
    const dtype = dtypeOfCode(kind & 0xff);
    if (dtype === undefined) throw new FrameFault(`dtype code ${kind & 0xff}`);
    const byteLength = this.#word();
    const shape: number[] = [];
    for (let axis = kind >>> 8; axis > 0; axis -= 1) shape.push(this.#word());
    const start = this.#payloadAt;
    if (start + byteLength > this.#bytes.length) throw new FrameFault("payload past the frame");
    this.#payloadAt = padded(start + byteLength);
    const count = elementCount(shape);
    if (dtype === "BYTES")
      return { dtype, shape, elements: this.#strings(start, byteLength, count) };
    if (count * dtypeTable[dtype].bytes !== byteLength) throw new FrameFault("payload length");
    const { buffer, byteOffset } = this.#bytes;
    return {
      dtype,
      shape,
      elements: viewNumeric(dtype, { buffer, byteOffset: byteOffset + start, length: count }),
    };
  }

  #strings(start: number, byteLength: number, count: number): ByteStrings {
    const tableBytes = 4 * (count + 1);
    if (tableBytes > byteLength) throw new FrameFault("offsets past the payload");
    const { buffer, byteOffset } = this.#bytes;
    const offsets = new Uint32Array(buffer, byteOffset + start, count + 1);
    let last = 0;
    for (let index = 0; index <= count; index += 1) {
      const offset = offsets[index] ?? 0;
      if (offset < last) throw new FrameFault("offsets fall");
      last = offset;
    }
    if (offsets[0] !== 0 || last !== byteLength - tableBytes) throw new FrameFault("offsets");
    return new ByteStrings(offsets, this.#bytes.subarray(start + tableBytes, start + byteLength));
  }
}
