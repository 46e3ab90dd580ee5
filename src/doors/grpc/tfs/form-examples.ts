/**
 * Lays the features of examples into the inputs of a model, one item for each example.
 *
 * A feature is an input of that name, all elements of an item at once, or a named column of one. It
 * is taken from the example, else from the context, else from the column's default. Lists of int64
 * suit inputs of every number; lists of floats only inputs of floats, so nothing is rounded unseen.
 * What is laid out is held to the size that a message may have, because a context counts for every
 * example.
 */
import { type Limits, quote, ServingError } from "../../../base/index.ts";
import type { ColumnSpec, InputChecks, InputSpec } from "../../../model/index.ts";
import {
  ByteStrings,
  dtypeTable,
  type NumericArray,
  type NumericDtype,
  newNumericArray,
  type OipTensor,
} from "../../../tensor/index.ts";
import { countElements, type Piece, readNumbers } from "../wire/number-list.ts";
import { wire } from "../wire/reader.ts";
import {
  type ExamplePlaces,
  type FeatureNames,
  type FeatureValues,
  featureKinds,
  readFeatures,
} from "./read-examples.ts";

type FormLimits = Pick<Limits, "elementsMax" | "grpcMessageBytesMax">;

/** The features of one example, and how it is called. */
interface Example {
  readonly field: string;
  readonly own: ReadonlyMap<string, FeatureValues>;
  readonly context: ReadonlyMap<string, FeatureValues> | undefined;
}

/** @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED */
export function formExamples(
  bytes: Buffer,
  { examples, context }: ExamplePlaces,
  { checks, limits }: { readonly checks: InputChecks; readonly limits: FormLimits },
): OipTensor[] {
  const specs = checks.signature.inputs;
  const known = namesOf(specs, limits.elementsMax);
  const contextFeatures =
    context === undefined
      ? undefined
      : readFeatures(bytes, context, { field: "input.context", known });
  const room = { bytesLeft: limits.grpcMessageBytesMax };
  const drafts = specs.map((spec) => newDraft(spec, examples.length, room));
  examples.forEach((place, item) => {
    const field = `input.examples[${item}]`;
    const own = readFeatures(bytes, place, { field, known });
    const example = { field, own, context: contextFeatures };
    for (const draft of drafts) lay(bytes, draft, { example, item });
  });
  return drafts.flatMap((draft) => (draft.isGiven ? [tensorOf(draft, examples.length)] : []));
}

function namesOf(specs: readonly InputSpec[], valuesMax: number): FeatureNames {
  const names = specs.flatMap((spec) => [
    spec.name,
    ...(spec.columns ?? []).map((column) => column.name),
  ]);
  return { names: new Set(names), valuesMax };
}

/** An input while its items are laid. */
interface Draft {
  readonly spec: InputSpec;
  /** Elements of an item. */
  readonly width: number;
  readonly numbers: NumericArray | undefined;
  readonly texts: Uint8Array[];
  readonly room: Room;
  isGiven: boolean;
}

/** Bytes that all inputs together may still take. */
interface Room {
  bytesLeft: number;
}

function newDraft(spec: InputSpec, items: number, room: Room): Draft {
  const { name, dtype, shape } = spec;
  const row = shape.slice(1);
  if (shape.length === 0 || row.some((size) => size < 0)) {
    throw unsuited(name, `has shape [${shape.join(",")}], which examples cannot fill`);
  }
  if (dtype === "FP16" || dtype === "BF16") throw unsuited(name, `takes ${dtype}`);
  const width = row.reduce((product, size) => product * size, 1);
  const count = items * width;
  takeRoom(room, name, count * dtypeTable[dtype].bytes);
  const numbers = dtype === "BYTES" ? undefined : newNumericArray(dtype, count);
  return { spec, width, numbers, texts: [], room, isGiven: false };
}

function takeRoom(room: Room, name: string, bytes: number): void {
  room.bytesLeft -= bytes;
  if (room.bytesLeft >= 0) return;
  const message = `input: the examples make more of ${quote(name)} than a message may hold`;
  const options = { field: "input", limit: "grpcMessageBytesMax" } as const;
  throw new ServingError("LIMIT_EXCEEDED", `${message} (grpcMessageBytesMax)`, options);
}

interface Place {
  readonly example: Example;
  readonly item: number;
}

function lay(bytes: Buffer, draft: Draft, place: Place): void {
  const { spec, width } = draft;
  const { example, item } = place;
  const { own, context } = example;
  const whole = own.get(spec.name) ?? (hasColumns(spec, own) ? undefined : context?.get(spec.name));
  const isFirst = item === 0;
  if (whole !== undefined) {
    if (isFirst) draft.isGiven = true;
    else if (!draft.isGiven) throw missing("input.examples[0]", spec.name);
    write(bytes, draft, { place, name: spec.name, values: whole, at: item * width, count: width });
    return;
  }
  const { columns } = spec;
  if (columns !== undefined && draft.numbers !== undefined && columns.length === width) {
    draft.isGiven = true;
    columns.forEach((column, index) => {
      layColumn(bytes, draft, { place, column, at: item * width + index });
    });
    return;
  }
  if (!spec.isOptional || draft.isGiven) throw missing(example.field, spec.name);
}

function hasColumns({ columns }: InputSpec, own: ReadonlyMap<string, FeatureValues>): boolean {
  return columns?.some((column) => own.has(column.name)) === true;
}

interface ColumnPlace {
  readonly place: Place;
  readonly column: ColumnSpec;
  readonly at: number;
}

function layColumn(bytes: Buffer, draft: Draft, { place, column, at }: ColumnPlace): void {
  const { own, context, field } = place.example;
  const { name } = column;
  const values = own.get(name) ?? context?.get(name);
  if (values !== undefined) {
    write(bytes, draft, { place, name, values, at, count: 1 });
    return;
  }
  if (column.default === undefined) throw missing(field, name);
  const { numbers } = draft;
  if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) {
    numbers[at] = BigInt(column.default);
  } else if (numbers !== undefined) numbers[at] = column.default;
}

interface Written {
  readonly place: Place;
  readonly name: string;
  readonly values: FeatureValues;
  /** Index of the first element. */
  readonly at: number;
  /** Elements that there must be. */
  readonly count: number;
}

function write(bytes: Buffer, draft: Draft, written: Written): void {
  const { values, count, at } = written;
  const { numbers, spec } = draft;
  const field = `${written.place.example.field}.features[${quote(written.name)}]`;
  if (numbers === undefined) {
    if (values.kind !== featureKinds.bytes) throw wrongKind(field, "bytes_list", spec);
    checkCount(field, values.pieces.length, count);
    for (const piece of values.pieces) takeText(draft, bytes, piece);
    return;
  }
  const isFloat = dtypeTable[spec.dtype].kind === "float";
  const isFloatList = values.kind === featureKinds.float;
  if (isFloatList ? !isFloat : values.kind !== featureKinds.int64) {
    throw wrongKind(field, isFloat ? "float_list or int64_list" : "int64_list", spec);
  }
  const element = isFloatList ? wire.fixed32 : wire.varint;
  checkCount(field, countElements(bytes, values.pieces, element), count);
  const dtype: NumericDtype = isFloatList ? "FP32" : "INT64";
  const read = readNumbers(bytes, values.pieces, { field, list: field, dtype, count });
  for (let index = 0; index < count; index += 1) {
    const value = read[index] as number | bigint;
    store(numbers, at + index, { value, field, dtype: spec.dtype as NumericDtype });
  }
}

/** What a text takes beside its bytes. */
const offsetBytes = 4;

function takeText(draft: Draft, bytes: Buffer, { at, end }: Piece): void {
  takeRoom(draft.room, draft.spec.name, end - at + offsetBytes);
  draft.texts.push(bytes.subarray(at, end));
}

interface Stored {
  readonly value: number | bigint;
  readonly field: string;
  readonly dtype: NumericDtype;
}

/** Static: the ranges of whole numbers. */
const ranges: { readonly [dtype in NumericDtype]?: readonly [min: bigint, max: bigint] } = {
  BOOL: [0n, 1n],
  INT8: [-128n, 127n],
  INT16: [-32_768n, 32_767n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  UINT8: [0n, 255n],
  UINT16: [0n, 65_535n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 63n - 1n],
};

function store(into: NumericArray, at: number, { value, field, dtype }: Stored): void {
  const range = ranges[dtype];
  if (range !== undefined && (value < range[0] || value > range[1])) {
    const text = `${value}, expected ${range[0]} to ${range[1]} (${dtype})`;
    throw new ServingError("INVALID_INPUT", `${field}: ${text}`, { field });
  }
  if (into instanceof BigInt64Array || into instanceof BigUint64Array) into[at] = BigInt(value);
  else into[at] = Number(value);
}

function tensorOf({ spec, numbers, texts }: Draft, items: number): OipTensor {
  const { name, dtype } = spec;
  const shape = [items, ...spec.shape.slice(1)];
  return { name, dtype, shape, elements: numbers ?? ByteStrings.fromBytes(texts) };
}

function checkCount(field: string, found: number, wanted: number): void {
  if (found === wanted) return;
  const message = `${field}: ${found} values, expected ${wanted}`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

function wrongKind(field: string, wanted: string, { dtype }: InputSpec): ServingError {
  const message = `${field}: another list, expected ${wanted} for ${dtype}`;
  return new ServingError("INVALID_INPUT", message, { field });
}

function missing(field: string, name: string): ServingError {
  const message = `${field}: feature ${quote(name)} missing`;
  return new ServingError("INVALID_INPUT", message, { field: `${field}.features` });
}

function unsuited(name: string, why: string): ServingError {
  const message = `input: the model's input ${quote(name)} ${why}: ask Predict`;
  return new ServingError("INVALID_INPUT", message, { field: "input" });
}
