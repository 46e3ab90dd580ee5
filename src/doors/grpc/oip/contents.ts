/**
 * Reads the typed contents of an input into the tensor's own memory.
 *
 * Each datatype has one list in which its elements travel; another list that is not empty is
 * refused by its name. Lists come packed, unpacked or in several pieces, so they are counted before
 * memory is taken, and a shape that lies allocates nothing.
 */
import { ServingError } from "../../../base/index.ts";
import {
  ByteStrings,
  type Dtype,
  type NumericArray,
  type NumericDtype,
  newNumericArray,
} from "../../../tensor/index.ts";
import { broken, WireReader, wire } from "../wire/reader.ts";

/** What is said about a tensor ahead of its contents. */
export interface ContentsHead {
  /** `inputs[0] 'x'` */
  readonly field: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Product of the shape, at most `elementsMax`. */
  readonly count: number;
}

interface ListRow {
  readonly number: number;
  readonly name: string;
}

const int: ListRow = { number: 2, name: "int_contents" };
const uint: ListRow = { number: 4, name: "uint_contents" };

/** The list of each datatype; FP16 and BF16 travel raw only. */
const lists: { readonly [dtype in Dtype]?: ListRow } = {
  BOOL: { number: 1, name: "bool_contents" },
  INT8: int,
  INT16: int,
  INT32: int,
  INT64: { number: 3, name: "int64_contents" },
  UINT8: uint,
  UINT16: uint,
  UINT32: uint,
  UINT64: { number: 5, name: "uint64_contents" },
  FP32: { number: 6, name: "fp32_contents" },
  FP64: { number: 7, name: "fp64_contents" },
  BYTES: { number: 8, name: "bytes_contents" },
};

/** Wire type of the elements of each list, by field number. */
const elementWires = [0, 0, 0, 0, 0, 0, wire.fixed32, wire.fixed64, wire.bytes] as const;
const listNumberMax = 8;

/** A piece of a list in the message. */
interface Piece {
  readonly at: number;
  readonly end: number;
}

/**
 * @param reader over the bytes of an InferTensorContents; empty where there are none
 * @throws INVALID_REQUEST broken bytes
 * @throws INVALID_INPUT another list, another count than the shape has, a value out of range
 */
export function readContents(reader: WireReader, head: ContentsHead): NumericArray | ByteStrings {
  const list = lists[head.dtype];
  const pieces = piecesOf(reader, list?.number ?? 0, head);
  if (list === undefined) {
    throw fault(head, `${head.dtype} travels in raw_input_contents only`);
  }
  if (head.dtype === "BYTES") return readBytes(reader, pieces, head);
  const element = elementWires[list.number];
  const found = pieces.reduce((sum, piece) => sum + countIn(reader.bytes, piece, element ?? 0), 0);
  if (found !== head.count) throw wrongCount(head, found, list);
  return fill(reader, pieces, head as NumericHead);
}

interface NumericHead extends ContentsHead {
  readonly dtype: NumericDtype;
}

/** Where the elements of list `wanted` lie. @throws INVALID_INPUT when another list has elements */
function piecesOf(reader: WireReader, wanted: number, head: ContentsHead): Piece[] {
  const pieces: Piece[] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (number > listNumberMax) {
      reader.skip(tag);
      continue;
    }
    const type = tag & 7;
    const element = elementWires[number];
    if (type !== wire.bytes && type !== element) {
      throw broken(`${head.field}: list ${number} of its contents has wire type ${type}`);
    }
    const at = type === wire.bytes ? startOf(reader) : reader.pos;
    if (type === wire.bytes) reader.pos = endOf(reader);
    else reader.skip(tag);
    const isEmpty = at === reader.pos && number !== listNumberMax;
    if (isEmpty) continue;
    if (number !== wanted) throw wrongList(head, number);
    pieces.push({ at, end: reader.pos });
  }
  return pieces;
}

/** Where the bytes of a length-delimited field start; the reader stays where it is. */
function startOf(reader: WireReader): number {
  const { pos } = reader;
  reader.lengthEnd();
  const start = reader.pos;
  reader.pos = pos;
  return start;
}

function endOf(reader: WireReader): number {
  return reader.lengthEnd();
}

/** Elements in a piece. @throws INVALID_REQUEST when it ends inside one */
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

function fill(reader: WireReader, pieces: readonly Piece[], head: NumericHead): NumericArray {
  const elements = newNumericArray(head.dtype, head.count);
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const isFloat = head.dtype === "FP32" || head.dtype === "FP64";
  let index = 0;
  let byteAt = 0;
  for (const { at, end } of pieces) {
    if (isFloat) {
      // Little endian on the wire and in memory.
      bytes.set(reader.bytes.subarray(at, end), byteAt);
      byteAt += end - at;
      continue;
    }
    const part = new WireReader(reader.bytes, at, end);
    for (; part.hasMore; index += 1) store(elements, index, { part, head });
  }
  return elements;
}

interface Stored {
  readonly part: WireReader;
  readonly head: NumericHead;
}

/** Static: the ranges of the datatypes that travel in a wider list. */
const ranges: { readonly [dtype in Dtype]?: readonly [min: number, max: number] } = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
};

function store(elements: NumericArray, index: number, { part, head }: Stored): void {
  const { dtype } = head;
  if (dtype === "INT64") (elements as BigInt64Array)[index] = part.int64();
  else if (dtype === "UINT64") (elements as BigUint64Array)[index] = part.uint64();
  else if (dtype === "BOOL") (elements as Uint8Array)[index] = part.bool() ? 1 : 0;
  else {
    const isSigned = dtype === "INT8" || dtype === "INT16" || dtype === "INT32";
    const value = isSigned ? part.int32() : part.uint32();
    const range = ranges[dtype];
    if (range !== undefined && (value < range[0] || value > range[1])) {
      throw outOfRange(head, index, { value, range });
    }
    (elements as Int32Array)[index] = value;
  }
}

function readBytes(reader: WireReader, pieces: readonly Piece[], head: ContentsHead): ByteStrings {
  if (pieces.length !== head.count) {
    throw wrongCount(head, pieces.length, lists.BYTES as ListRow);
  }
  return ByteStrings.fromBytes(pieces.map(({ at, end }) => reader.bytes.subarray(at, end)));
}

function fault({ field }: ContentsHead, text: string): ServingError {
  return new ServingError("INVALID_INPUT", `${field}: ${text}`, { field: `${field}.contents` });
}

function wrongList(head: ContentsHead, number: number): ServingError {
  const given = Object.values(lists).find((row) => row.number === number)?.name ?? "a list";
  const wanted = lists[head.dtype]?.name ?? "raw_input_contents";
  return fault(head, `${given} for datatype ${head.dtype}, expected ${wanted}`);
}

function wrongCount(head: ContentsHead, found: number, list: ListRow): ServingError {
  const shown = `[${head.shape.join(",")}]`;
  return fault(head, `${found} values in ${list.name}, expected ${head.count} for shape ${shown}`);
}

interface Ranged {
  readonly value: number;
  readonly range: readonly [min: number, max: number];
}

function outOfRange(head: ContentsHead, index: number, { value, range }: Ranged): ServingError {
  const [min, max] = range;
  return fault(head, `element ${index} is ${value}, expected ${min} to ${max} (${head.dtype})`);
}
