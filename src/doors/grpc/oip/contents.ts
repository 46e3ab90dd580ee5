/**
 * Reads the typed contents of an input into the tensor's own memory.
 *
 * Each datatype has one list in which its elements travel; another list that is not empty is
 * refused by its name. Lists come packed, unpacked or in several pieces, so they are counted before
 * memory is taken, and a shape that lies allocates nothing.
 */
import { ServingError } from "../../../base/index.ts";
import { ByteStrings, type Dtype, type NumericArray } from "../../../tensor/index.ts";
import { countElements, nextPiece, type Piece, readNumbers } from "../wire/number-list.ts";
import { broken, type WireReader, wire } from "../wire/reader.ts";

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
  const found = countElements(reader.bytes, pieces, elementWires[list.number] ?? 0);
  if (found !== head.count) throw wrongCount(head, found, list);
  const { field, dtype, count } = head;
  return readNumbers(reader.bytes, pieces, { field, list: `${field}.contents`, dtype, count });
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
    const piece = nextPiece(reader, tag);
    const isEmpty = piece.at === piece.end && number !== listNumberMax;
    if (isEmpty) continue;
    if (number !== wanted) throw wrongList(head, number);
    pieces.push(piece);
  }
  return pieces;
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
