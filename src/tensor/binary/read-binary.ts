/**
 * Reads the elements of a tensor from raw bytes: little endian, row-major, no padding.
 *
 * Layout: the binary tensor data extension of the Open Inference Protocol, and the
 * `raw_input_contents` of its gRPC form. A BYTES element is a u32 length and that many bytes.
 * Numbers are a view of the given bytes where those lie on a multiple of the element size, else
 * one copy; strings are packed together without their lengths. The size is settled before anything
 * is allocated, so memory stays below twice the bytes given. Hosts are little endian, as every
 * platform of Node is.
 */
import { ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import { type Dtype, dtypeTable } from "../dtype.ts";
import { type NumericArray, viewNumeric } from "../numeric-array.ts";

/** What is said about a tensor ahead of its bytes. */
export interface BinaryHead {
  /** The tensor as messages name it (`inputs[0] 'x'`). */
  readonly field: string;
  readonly dtype: Dtype;
  /** Whole dimensions, >= 0. */
  readonly shape: readonly number[];
}

/** Bytes of the length in front of each BYTES element. */
const lengthBytes = 4;

/**
 * The elements that `bytes` hold; a view of them where that is possible.
 *
 * @throws INVALID_INPUT when the bytes are not exactly what dtype and shape need, or a BOOL is
 *   neither 0 nor 1
 */
export function readBinary(bytes: Uint8Array, head: BinaryHead): NumericArray | ByteStrings {
  // A product past 2^53 is rounded, and far from any size that bytes can have.
  let count = 1;
  for (const size of head.shape) count = size === 0 ? 0 : count * size;
  if (head.dtype === "BYTES") return readStrings(bytes, head, count);
  const elementBytes = dtypeTable[head.dtype].bytes;
  if (count * elementBytes !== bytes.length) {
    throw fault(head, `${bytes.length} bytes, expected ${count * elementBytes} for ${shown(head)}`);
  }
  if (head.dtype === "BOOL") checkBooleans(bytes, head);
  const isAligned = bytes.byteOffset % elementBytes === 0;
  // A Buffer's own `slice` would be a view.
  const held = isAligned ? bytes : Uint8Array.prototype.slice.call(bytes);
  return viewNumeric(head.dtype, {
    buffer: held.buffer,
    byteOffset: held.byteOffset,
    length: count,
  });
}

function checkBooleans(bytes: Uint8Array, head: BinaryHead): void {
  for (let index = 0; index < bytes.length; index += 1) {
    const value = bytes[index] as number;
    if (value > 1) throw fault(head, `element ${index} is ${value}, expected 0 or 1 (BOOL)`);
  }
}

function readStrings(bytes: Uint8Array, head: BinaryHead, count: number): ByteStrings {
  const least = count * lengthBytes;
  if (least > bytes.length) {
    throw fault(head, `${bytes.length} bytes, expected at least ${least} for ${shown(head)}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  checkStrings(view, head, count);
  const offsets = new Uint32Array(count + 1);
  const packed = new Uint8Array(bytes.length - least);
  let at = 0;
  let to = 0;
  for (let index = 0; index < count; index += 1) {
    const length = view.getUint32(at, true);
    at += lengthBytes;
    packed.set(bytes.subarray(at, at + length), to);
    at += length;
    to += length;
    offsets[index + 1] = to;
  }
  return new ByteStrings(offsets, packed);
}

/** Walks the lengths: `count` elements must use the bytes up exactly. */
function checkStrings(view: DataView, head: BinaryHead, count: number): void {
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const left = view.byteLength - at;
    if (left < lengthBytes) {
      throw fault(head, `the bytes end before element ${index}, expected ${shown(head)}`);
    }
    const length = view.getUint32(at, true);
    if (length > left - lengthBytes) {
      const rest = left - lengthBytes;
      throw fault(head, `element ${index} says ${length} bytes, but ${rest} are left`);
    }
    at += lengthBytes + length;
  }
  if (at === view.byteLength) return;
  throw fault(head, `${view.byteLength} bytes, expected ${at} for ${shown(head)}`);
}

function shown(head: BinaryHead): string {
  return `${head.dtype} [${head.shape.join(",")}]`;
}

function fault(head: BinaryHead, text: string): ServingError {
  return new ServingError("INVALID_INPUT", `${head.field}: ${text}`, { field: head.field });
}
