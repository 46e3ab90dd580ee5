/**
 * Reads the lists of numbers in which tensors travel into the tensor's own memory.
 *
 * Lists come packed, unpacked or in several pieces, so their elements are counted before memory is
 * taken. An element that its dtype cannot hold is refused, never cut.
 */
import { ServingError } from "../../../base/index.ts";
import { type NumericArray, type NumericDtype, newNumericArray } from "../../../tensor/index.ts";
import { broken, WireReader, wire } from "./reader.ts";

/** A piece of a list in the message. */
export interface Piece {
  readonly at: number;
  readonly end: number;
}

/** What is said about the numbers of a list. */
export interface ListHead {
  /** The tensor as messages name it. */
  readonly field: string;
  /** The list as errors name it. */
  readonly list: string;
  readonly dtype: NumericDtype;
  /** Elements of the list. */
  readonly count: number;
  /** Small numbers without a sign travel in a list of int32. */
  readonly isSigned?: boolean;
}

/** The piece that comes next: the bytes behind a length, or one element. */
export function nextPiece(reader: WireReader, tag: number): Piece {
  if ((tag & 7) === wire.bytes) {
    const end = reader.lengthEnd();
    const at = reader.pos;
    reader.pos = end;
    return { at, end };
  }
  const at = reader.pos;
  reader.skip(tag);
  return { at, end: reader.pos };
}

/**
 * Elements in `pieces`.
 * @param element wire type of the elements
 * @throws INVALID_REQUEST when a piece ends inside one
 */
export function countElements(bytes: Buffer, pieces: readonly Piece[], element: number): number {
  let count = 0;
  for (const piece of pieces) count += countIn(bytes, piece, element);
  return count;
}

function countIn(bytes: Buffer, { at, end }: Piece, element: number): number {
  if (element === wire.varint) {
    if ((bytes[end - 1] as number) >= 0x80) throw broken("the contents end inside a number");
    let count = 0;
    for (let place = at; place < end; place += 1) if ((bytes[place] as number) < 0x80) count += 1;
    return count;
  }
  const size = element === wire.fixed32 ? 4 : 8;
  if ((end - at) % size !== 0) throw broken("the contents end inside a number");
  return (end - at) / size;
}

/**
 * The elements of `pieces`. REQUIRES: they hold `head.count` elements, and none is empty.
 * @throws INVALID_INPUT an element out of range
 */
export function readNumbers(bytes: Buffer, pieces: readonly Piece[], head: ListHead): NumericArray {
  const elements = newNumericArray(head.dtype, head.count);
  const into = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const isFloat = head.dtype === "FP32" || head.dtype === "FP64";
  let index = 0;
  let byteAt = 0;
  for (const { at, end } of pieces) {
    if (isFloat) {
      // Little endian on the wire and in memory.
      into.set(bytes.subarray(at, end), byteAt);
      byteAt += end - at;
      continue;
    }
    const part = new WireReader(bytes, at, end);
    for (; part.hasMore; index += 1) store(elements, index, { part, head });
  }
  return elements;
}

interface Stored {
  readonly part: WireReader;
  readonly head: ListHead;
}

/** Static: the ranges of the datatypes that travel in a wider list; bits count as such. */
const ranges: { readonly [dtype in NumericDtype]?: readonly [min: number, max: number] } = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  FP16: [0, 65_535],
  BF16: [0, 65_535],
};

function store(elements: NumericArray, index: number, { part, head }: Stored): void {
  const { dtype } = head;
  if (dtype === "INT64") (elements as BigInt64Array)[index] = part.int64();
  else if (dtype === "UINT64") (elements as BigUint64Array)[index] = part.uint64();
  else if (dtype === "BOOL") (elements as Uint8Array)[index] = part.bool() ? 1 : 0;
  else {
    const hasSign = dtype === "INT8" || dtype === "INT16" || dtype === "INT32";
    const value = hasSign || head.isSigned === true ? part.int32() : part.uint32();
    const range = ranges[dtype];
    if (range !== undefined && (value < range[0] || value > range[1])) {
      throw outOfRange(head, index, { value, range });
    }
    (elements as Int32Array)[index] = value;
  }
}

interface Ranged {
  readonly value: number;
  readonly range: readonly [min: number, max: number];
}

function outOfRange(head: ListHead, index: number, { value, range }: Ranged): ServingError {
  const [min, max] = range;
  const text = `element ${index} is ${value}, expected ${min} to ${max} (${head.dtype})`;
  return new ServingError("INVALID_INPUT", `${head.field}: ${text}`, { field: head.list });
}
