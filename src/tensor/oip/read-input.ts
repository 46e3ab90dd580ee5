/**
 * Reads one entry of `inputs`, its keys in any order.
 *
 * Where `data` comes before datatype or shape its place is remembered and it is read when the entry
 * is known, so the common order costs one pass and the others a skip. Shapes are checked as numbers
 * before anything is allocated: products are taken as doubles, which cannot wrap.
 */
import { ServingError } from "../../base/index.ts";
import type { Dtype } from "../dtype.ts";
import type { JsonReader } from "../json/reader.ts";
import { countOf, dtypeNames, dtypeOf } from "./checks.ts";
import {
  givenTwice,
  missing,
  readList,
  readText,
  readWhole,
  tooMany,
  wrongKind,
} from "./fields.ts";
import { refuseSharedMemory } from "./memory-regions.ts";
import type { OipInput, OipLimits, OipParameter } from "./oip-request.ts";
import { readParameters, wholeParameter } from "./parameters.ts";
import { readElements } from "./read-elements.ts";

/** What has been read of an entry so far. */
interface Draft {
  readonly field: string;
  name: string | undefined;
  dtype: Dtype | undefined;
  shape: readonly number[] | undefined;
  parameters: ReadonlyMap<string, OipParameter> | undefined;
  elements: OipInput["elements"];
  /** Offset of `data`, or -1 while there is none. */
  dataAt: number;
  hasContents: boolean;
}

/**
 * Reads the object that comes next.
 *
 * @param position its place in `inputs`
 * @throws INVALID_REQUEST, INVALID_INPUT, LIMIT_EXCEEDED, UNSUPPORTED (shared memory)
 */
export function readInput(reader: JsonReader, position: number, limits: OipLimits): OipInput {
  const field = `inputs[${position}]`;
  if (reader.peek() !== "object") throw wrongKind(reader, field, "an object");
  const draft: Draft = {
    field,
    name: undefined,
    dtype: undefined,
    shape: undefined,
    parameters: undefined,
    elements: undefined,
    dataAt: -1,
    hasContents: false,
  };
  reader.enterObject();
  while (reader.nextMember()) readMember(reader, draft, limits);
  return finish(reader, draft, limits);
}

function readMember(reader: JsonReader, draft: Draft, limits: OipLimits): void {
  const { field } = draft;
  if (reader.isKey("name")) {
    if (draft.name !== undefined) throw givenTwice(`${field}.name`);
    draft.name = readText(reader, `${field}.name`);
  } else if (reader.isKey("shape")) {
    if (draft.shape !== undefined) throw givenTwice(`${field}.shape`);
    draft.shape = readShape(reader, `${field}.shape`, limits);
  } else if (reader.isKey("datatype")) {
    if (draft.dtype !== undefined) throw givenTwice(`${field}.datatype`);
    draft.dtype = readDatatype(reader, `${field}.datatype`);
  } else if (reader.isKey("parameters")) {
    if (draft.parameters !== undefined) throw givenTwice(`${field}.parameters`);
    draft.parameters = readParameters(reader, `${field}.parameters`);
  } else if (reader.isKey("data")) {
    if (draft.dataAt !== -1) throw givenTwice(`${field}.data`);
    reader.peekByte();
    draft.dataAt = reader.at;
    if (draft.dtype === undefined || draft.shape === undefined) reader.skipValue();
    else readElementsOf(reader, draft, limits);
  } else {
    draft.hasContents ||= reader.isKey("contents");
    reader.skipValue();
  }
}

function finish(reader: JsonReader, draft: Draft, limits: OipLimits): OipInput {
  const { field, name, dtype, shape } = draft;
  if (name === undefined) throw missing(`${field}.name`, "the name of an input of the model");
  if (dtype === undefined) throw missing(`${field}.datatype`, `one of ${dtypeNames}`);
  if (shape === undefined) throw missing(`${field}.shape`, "a list of dimensions");
  const binaryBytes = binarySize(draft);
  if (binaryBytes !== undefined && draft.dataAt !== -1) {
    const text = "has 'data' and parameters.binary_data_size, expected one of them";
    throw new ServingError("INVALID_REQUEST", `${field}: ${text}`, { field: `${field}.data` });
  }
  if (binaryBytes === undefined && draft.elements === undefined) {
    if (draft.dataAt === -1) throw noElements(draft);
    const mark = reader.rewind(draft.dataAt);
    readElementsOf(reader, draft, limits);
    reader.resume(mark);
  }
  const { elements } = draft;
  if (elements === undefined) countOf(shape, `${field}.shape`, limits);
  return { name, dtype, shape, elements, binaryBytes };
}

function noElements(draft: Draft): ServingError {
  const hint = draft.hasContents ? " ('contents' is the form of gRPC)" : "";
  const wanted = `a list of values, or parameters.binary_data_size${hint}`;
  return missing(`${draft.field}.data`, wanted);
}

function readElementsOf(reader: JsonReader, draft: Draft, limits: OipLimits): void {
  const { field, dtype, shape } = draft;
  if (dtype === undefined || shape === undefined) return;
  draft.elements = readElements(reader, {
    field: `${field}.data`,
    dtype,
    shape,
    count: countOf(shape, `${field}.shape`, limits),
    stringElementBytesMax: limits.stringElementBytesMax,
  });
}

/** The size in the binary part. Refuses tensors that lie in shared memory. */
function binarySize(draft: Draft): number | undefined {
  const { parameters, field } = draft;
  if (parameters === undefined) return undefined;
  refuseSharedMemory(parameters, `${field}.parameters`);
  return wholeParameter(parameters, `${field}.parameters`, "binary_data_size");
}

function readShape(reader: JsonReader, field: string, limits: OipLimits): readonly number[] {
  const shape: number[] = [];
  readList(reader, field, {
    of: "dimensions",
    read(position) {
      if (position >= limits.rankMax) {
        throw tooMany(field, `${limits.rankMax} dimensions`, "rankMax");
      }
      shape.push(readWhole(reader, `${field}[${position}]`));
    },
  });
  return shape;
}

function readDatatype(reader: JsonReader, field: string): Dtype {
  return dtypeOf(readText(reader, field), field);
}
