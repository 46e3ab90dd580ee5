/**
 * Walks the fields of a protobuf message without descriptors.
 *
 * Large payloads are handed out as views of the file's bytes and never copied. A field whose wire
 * type is not the expected one is skipped like an unknown field, as protobuf demands: a key joins
 * field number and wire type, so a visitor sees only what it can read. Anything unreadable throws
 * a RangeError or Error of the reader; `readOnnx` turns it into one refusal.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { readElementsMax } from "../onnx-model.ts";

/** Key of a varint field. */
export function varintKey(field: number): number {
  return (field << 3) | WireType.Varint;
}

/** Key of a string, bytes, message or packed field. */
export function bytesKey(field: number): number {
  return (field << 3) | WireType.LengthDelimited;
}

/** Reads the value of `key` and returns true, or returns false to have it skipped. */
type FieldVisitor = (key: number, reader: BinaryReader) => boolean;

/** @throws Error when the bytes are not a message */
export function walkFields(bytes: Uint8Array, visit: FieldVisitor): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!visit((field << 3) | wire, reader)) reader.skip(wire, field);
  }
}

/** A field's raw bytes, tag included, for copying. */
interface RawField {
  readonly key: number;
  /** The whole field as it lies in the file. */
  readonly whole: Uint8Array;
  /** The content without tag and length; empty for a varint or fixed field. */
  readonly content: Uint8Array;
}

const empty = new Uint8Array(0);

/** Splits a message into its fields in file order. @throws Error when it is not a message */
export function* rawFields(bytes: Uint8Array): Generator<RawField> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wire] = reader.tag();
    let content: Uint8Array = empty;
    if (wire === WireType.LengthDelimited) content = reader.bytes();
    else reader.skip(wire, field);
    yield { key: (field << 3) | wire, whole: bytes.subarray(start, reader.pos), content };
  }
}

/** An int64 varint as a number; whole numbers beyond 2^53 lose their last digits. */
export function readInt(reader: BinaryReader): number {
  return Number(reader.int64());
}

/** A `repeated int64` field, packed or not, appended to `into` up to `readElementsMax`. */
export function readInts(reader: BinaryReader, isPacked: boolean, into: bigint[]): void {
  if (!isPacked) {
    const value = BigInt(reader.int64());
    if (into.length < readElementsMax) into.push(value);
    return;
  }
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len && into.length < readElementsMax) {
    into.push(BigInt(packed.int64()));
  }
}

/** A StringStringEntryProto. */
export function readPair(bytes: Uint8Array): readonly [key: string, value: string] {
  let key = "";
  let value = "";
  walkFields(bytes, (field, reader) => {
    if (field === bytesKey(1)) key = reader.string();
    else if (field === bytesKey(2)) value = reader.string();
    else return false;
    return true;
  });
  return [key, value];
}
