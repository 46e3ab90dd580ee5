/**
 * Reads a TensorProto without its elements: name, type, shape and where the elements lie.
 *
 * Elements are decoded only when asked for, and only those that can be class labels (INT64 and
 * strings).
 */
import type { BinaryReader } from "@bufbuild/protobuf/wire";
import { type OnnxTensor, readElementsMax } from "../onnx-model.ts";
import { guardRead } from "./guard-read.ts";
import { bytesKey, readInts, readPair, varintKey, walkFields } from "./wire.ts";

const key = {
  dims: varintKey(1),
  dimsPacked: bytesKey(1),
  elementType: varintKey(2),
  strings: bytesKey(6),
  ints: varintKey(7),
  intsPacked: bytesKey(7),
  name: bytesKey(8),
  raw: bytesKey(9),
  external: bytesKey(13),
  location: varintKey(14),
};

const int64 = 7;
const text = 8;
/** TensorProto.DataLocation.EXTERNAL. */
const externalLocation = 1;
/** Most `external_data` entries of a tensor; five keys are known. */
const externalPairsMax = 64;

/** @throws Error when the bytes are not a message */
export function readTensor(bytes: Uint8Array): OnnxTensor {
  const dims: bigint[] = [];
  const external: (readonly [string, string])[] = [];
  let [name, elementType, location] = ["", 0, 0];
  let rawBytes: number | undefined;
  walkFields(bytes, (field, reader) => {
    switch (field) {
      case key.dims:
      case key.dimsPacked:
        readInts(reader, field === key.dimsPacked, dims);
        return true;
      case key.elementType:
        elementType = reader.int32();
        return true;
      case key.name:
        name = reader.string();
        return true;
      case key.raw:
        rawBytes = reader.bytes().byteLength;
        return true;
      case key.external:
        if (external.length === externalPairsMax) throw new RangeError("external_data too long");
        external.push(readPair(reader.bytes()));
        return true;
      case key.location:
        location = reader.int32();
        return true;
      default:
        return false;
    }
  });
  const isExternal = location === externalLocation || external.length > 0;
  return {
    name,
    elementType,
    shape: dims.map(Number),
    isExternal,
    external,
    rawBytes,
    elements: () => (isExternal ? [] : guardRead(() => readElements(bytes, elementType))),
  };
}

function readElements(bytes: Uint8Array, elementType: number): readonly (bigint | string)[] {
  if (elementType !== int64 && elementType !== text) return [];
  const ints: bigint[] = [];
  const strings: string[] = [];
  walkFields(bytes, (field, reader) => {
    if (ints.length + strings.length >= readElementsMax) return false;
    if (field === key.strings) strings.push(reader.string());
    else if (field === key.ints || field === key.intsPacked) {
      readInts(reader, field === key.intsPacked, ints);
    } else if (field === key.raw) readRawInts(reader, ints);
    else return false;
    return true;
  });
  const elements = elementType === text ? strings : ints;
  return elements.slice(0, readElementsMax);
}

function readRawInts(reader: BinaryReader, into: bigint[]): void {
  const raw = reader.bytes();
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = Math.min(Math.floor(raw.byteLength / 8), readElementsMax);
  for (let index = 0; index < count; index += 1) into.push(view.getBigInt64(index * 8, true));
}

/** The values of a SparseTensorProto, which is an initializer by their name. */
export function readSparseTensors(bytes: Uint8Array): readonly OnnxTensor[] {
  const tensors: OnnxTensor[] = [];
  walkFields(bytes, (field, reader) => {
    if (field !== bytesKey(1) && field !== bytesKey(2)) return false;
    tensors.push(readTensor(reader.bytes()));
    return true;
  });
  return tensors;
}
