/**
 * Reads the requests of `prediction.PredictionService`. Contract: proto/prediction.proto.
 *
 * Rows are laid one after the other into one array, which is the model's input where it takes FP32.
 */
import { type Limits, ServingError } from "../../../base/index.ts";
import type { NumberRows } from "../../../service/index.ts";
import { broken, WireReader } from "../wire/reader.ts";

const packed = 10;
const single = 13;
const floatBytes = 4;

/** Where the floats of one row lie. */
interface Piece {
  readonly at: number;
  readonly end: number;
}

/** @throws INVALID_REQUEST */
export function decodePredict(bytes: Buffer): NumberRows {
  const pieces = rowPieces(new WireReader(bytes));
  const width = floatsIn(pieces);
  const values = new Float32Array(width);
  copyRow(bytes, pieces, new Uint8Array(values.buffer));
  return { field: "features", values, width, items: 1 };
}

/** @throws INVALID_REQUEST, INVALID_INPUT (rows of unequal length), LIMIT_EXCEEDED */
export function decodeBatch(bytes: Buffer, limits: Pick<Limits, "requestItemsMax">): NumberRows {
  const reader = new WireReader(bytes);
  const rows: Piece[][] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag !== packed) {
      reader.skip(tag);
      continue;
    }
    if (rows.length >= limits.requestItemsMax) throw tooMany(limits.requestItemsMax);
    const end = reader.lengthEnd();
    rows.push(rowPieces(new WireReader(bytes, reader.pos, end)));
    reader.pos = end;
  }
  const width = floatsIn(rows[0] ?? []);
  const values = new Float32Array(width * checkWidths(rows, width));
  const into = new Uint8Array(values.buffer);
  rows.forEach((row, index) => {
    copyRow(bytes, row, into.subarray(index * width * floatBytes));
  });
  return { field: "instances", values, width, items: rows.length };
}

/** The pieces of `features`, packed or not. */
function rowPieces(reader: WireReader): Piece[] {
  const pieces: Piece[] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === packed) {
      const end = reader.lengthEnd();
      if ((end - reader.pos) % floatBytes !== 0) throw broken("features: the bytes end in a float");
      pieces.push({ at: reader.pos, end });
      reader.pos = end;
    } else {
      const at = reader.pos;
      reader.skip(tag);
      if (tag === single) pieces.push({ at, end: reader.pos });
    }
  }
  return pieces;
}

function floatsIn(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { at, end }) => sum + (end - at), 0) / floatBytes;
}

/** Little endian on the wire and in memory. */
function copyRow(bytes: Buffer, pieces: readonly Piece[], into: Uint8Array): void {
  let place = 0;
  for (const { at, end } of pieces) {
    into.set(bytes.subarray(at, end), place);
    place += end - at;
  }
}

/** The number of rows, which all have `width`. */
function checkWidths(rows: readonly Piece[][], width: number): number {
  const index = rows.findIndex((row) => floatsIn(row) !== width);
  if (index === -1) return rows.length;
  const field = `instances[${index}]`;
  const found = floatsIn(rows[index] ?? []);
  const message = `${field}: ${found} values, expected ${width} as in the row before it`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

function tooMany(max: number): ServingError {
  const message = `instances: at most ${max} rows are allowed in one request (requestItemsMax)`;
  const options = { field: "instances", limit: "requestItemsMax" } as const;
  return new ServingError("LIMIT_EXCEEDED", message, options);
}
