/**
 * Reads a ModelInferRequest straight from its bytes.
 *
 * Fields may come in any order, as protobuf allows, so tensors are made when all of them are known:
 * until then an input holds places in the message, and raw tensors stay views of it. Counts are
 * checked while they grow and sizes before memory is taken. Contract: proto/inference/
 * grpc_service.proto. One file because the walk over a message and what it refuses are one thing.
 */
import { type Limits, quote, ServingError } from "../../../base/index.ts";
import {
  checkId,
  countOf,
  dtypeOf,
  nothingReserved,
  type OipOutput,
  type OipRequest,
  type OipTensor,
  readBinary,
  refuseSharedMemory,
  takeReserved,
  wholeParameter,
} from "../../../tensor/index.ts";
import { WireReader } from "../wire/reader.ts";
import { readContents } from "./contents.ts";
import { type Parameters, readParameterEntry } from "./parameters.ts";

/** The model that a request means. */
export interface MeantModel {
  readonly model: string;
  /** "" for the model's default. */
  readonly version: string;
}

/** A request as it was read, before the model's own checks. */
export interface DecodedInfer {
  readonly request: OipRequest;
  readonly tensors: readonly OipTensor[];
}

export type DecodeLimits = Pick<Limits, "inputsMax" | "outputsMax" | "rankMax" | "elementsMax">;

/** Keys of the fields: `number << 3 | 2`. */
const key = { one: 10, two: 18, three: 26, four: 34, five: 42, six: 50, seven: 58 } as const;
/** An element of `shape` that is not packed. */
const shapeVarint = 24;

/** One input while the message is read. */
interface DraftInput {
  name: string;
  datatype: string;
  readonly shape: number[];
  parameters: Parameters | undefined;
  /** Where the contents lie in the message, or -1. */
  contentsAt: number;
  contentsEnd: number;
}

class Draft {
  model = "";
  id = "";
  parameters: Parameters | undefined;
  readonly inputs: DraftInput[] = [];
  readonly outputs: OipOutput[] = [];
  readonly raw: Buffer[] = [];
  readonly limits: DecodeLimits;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }
}

/**
 * Finds the names alone, so that a model that is not there is said before anything about its input.
 * @throws INVALID_REQUEST
 */
export function readModel(bytes: Buffer): MeantModel {
  const reader = new WireReader(bytes);
  let model = "";
  let version = "";
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.one) model = reader.text("model_name");
    else if (tag === key.two) version = reader.text("model_version");
    else reader.skip(tag);
  }
  return { model, version };
}

/**
 * @throws INVALID_REQUEST bytes that are no such message, or no text
 * @throws INVALID_INPUT a datatype, size or value that no model takes
 * @throws LIMIT_EXCEEDED, UNSUPPORTED (shared memory)
 */
export function decodeInfer(bytes: Buffer, limits: DecodeLimits): DecodedInfer {
  const reader = new WireReader(bytes);
  const draft = new Draft(limits);
  while (reader.hasMore) readField(reader, draft);
  return finish(bytes, draft);
}

/** The id of a request that may be unreadable otherwise, for the message that says so. */
export function requestIdOf(bytes: Buffer): string | undefined {
  const reader = new WireReader(bytes);
  try {
    while (reader.hasMore) {
      const tag = reader.tag();
      if (tag === key.three) return checkId(reader.text("id"));
      reader.skip(tag);
    }
  } catch {
    // Whatever is wrong with the bytes was said by the reader of the whole.
  }
  return undefined;
}

function readField(reader: WireReader, draft: Draft): void {
  const tag = reader.tag();
  switch (tag) {
    case key.one:
      draft.model = reader.text("model_name");
      return;
    case key.three:
      draft.id = reader.text("id");
      return;
    case key.four:
      draft.parameters = readParameterEntry(reader, "parameters", draft.parameters);
      return;
    case key.five:
      draft.inputs.push(readInput(reader, draft));
      return;
    case key.six:
      draft.outputs.push(readOutput(reader, draft));
      return;
    case key.seven:
      if (draft.raw.length >= draft.limits.inputsMax) {
        throw tooMany("raw_input_contents", "tensors", [draft.limits.inputsMax, "inputsMax"]);
      }
      draft.raw.push(reader.view());
      return;
    default:
      reader.skip(tag);
  }
}

/** Narrows the reader to the message that comes next, and back. */
function within(reader: WireReader, read: () => void): void {
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  while (reader.hasMore) read();
  reader.end = outer;
}

function readInput(reader: WireReader, { inputs, limits }: Draft): DraftInput {
  const position = inputs.length;
  if (position >= limits.inputsMax) {
    throw tooMany("inputs", "tensors", [limits.inputsMax, "inputsMax"]);
  }
  const input: DraftInput = {
    name: "",
    datatype: "",
    shape: [],
    parameters: undefined,
    contentsAt: -1,
    contentsEnd: -1,
  };
  within(reader, () => {
    const tag = reader.tag();
    if (tag === key.one) input.name = reader.text(`inputs[${position}].name`);
    else if (tag === key.two) input.datatype = reader.text(`inputs[${position}].datatype`);
    else if (tag === key.three || tag === shapeVarint) {
      readShape(reader, input.shape, { isPacked: tag === key.three, position, limits });
    } else if (tag === key.four) {
      const field = `inputs[${position}].parameters`;
      input.parameters = readParameterEntry(reader, field, input.parameters);
    } else if (tag === key.five) {
      const end = reader.lengthEnd();
      if (input.contentsAt !== -1) throw contentsTwice(position);
      input.contentsAt = reader.pos;
      input.contentsEnd = end;
      reader.pos = end;
    } else reader.skip(tag);
  });
  return input;
}

interface ShapeOf {
  readonly isPacked: boolean;
  readonly position: number;
  readonly limits: DecodeLimits;
}

function readShape(reader: WireReader, shape: number[], of: ShapeOf): void {
  const { rankMax } = of.limits;
  const one = (): void => {
    if (shape.length >= rankMax) {
      throw tooMany(`inputs[${of.position}].shape`, "dimensions", [rankMax, "rankMax"]);
    }
    const size = reader.int64Number();
    if (size < 0 || size > Number.MAX_SAFE_INTEGER) throw notASize(of.position, shape.length, size);
    shape.push(size);
  };
  if (of.isPacked) within(reader, one);
  else one();
}

function readOutput(reader: WireReader, { outputs, limits }: Draft): OipOutput {
  const position = outputs.length;
  if (position >= limits.outputsMax) {
    throw tooMany("outputs", "outputs", [limits.outputsMax, "outputsMax"]);
  }
  const field = `outputs[${position}]`;
  let name = "";
  let parameters: Parameters | undefined;
  within(reader, () => {
    const tag = reader.tag();
    if (tag === key.one) name = reader.text(`${field}.name`);
    else if (tag === key.two) {
      parameters = readParameterEntry(reader, `${field}.parameters`, parameters);
    } else reader.skip(tag);
  });
  if (parameters === undefined) return { name, isBinary: true, classes: 0 };
  refuseSharedMemory(parameters, `${field}.parameters`);
  const classes = wholeParameter(parameters, `${field}.parameters`, "classification") ?? 0;
  return { name, isBinary: true, classes };
}

function finish(bytes: Buffer, draft: Draft): DecodedInfer {
  const { id, outputs } = draft;
  const { parameters } = draft;
  // Asks for an empty last message of models that answer many times; none does here.
  parameters?.delete("triton_enable_empty_final_response");
  const reserved = parameters === undefined ? nothingReserved : takeReserved(parameters);
  const request: OipRequest = {
    id: id === "" ? undefined : checkId(id),
    inputs: [],
    outputs,
    isBinaryDefault: true,
    timeoutUs: reserved.timeoutUs,
    priority: reserved.priority,
    parameters: reserved.rest,
  };
  return { request, tensors: tensorsOf(bytes, draft) };
}

function tensorsOf(bytes: Buffer, draft: Draft): OipTensor[] {
  const { inputs, raw } = draft;
  const tensors: OipTensor[] = [];
  for (let position = 0; position < inputs.length; position += 1) {
    const input = inputs[position] as DraftInput;
    if (input.parameters !== undefined) {
      refuseSharedMemory(input.parameters, `inputs[${position}].parameters`);
    }
    if (raw.length > 0 && input.contentsAt !== -1) throw rawAndContents(input, draft);
  }
  if (raw.length > 0 && raw.length !== inputs.length) throw wrongRawCount(draft);
  for (let position = 0; position < inputs.length; position += 1) {
    const { name, datatype, shape, contentsAt, contentsEnd } = inputs[position] as DraftInput;
    const dtype = dtypeOf(datatype, `inputs[${position}].datatype`);
    const count = countOf(shape, `inputs[${position}].shape`, draft.limits);
    const field = `inputs[${position}] ${quote(name)}`;
    const head = { field, dtype, shape };
    const part = raw[position];
    const elements =
      part !== undefined
        ? readBinary(part, head)
        : readContents(new WireReader(bytes, Math.max(0, contentsAt), Math.max(0, contentsEnd)), {
            ...head,
            count,
          });
    tensors.push({ name, dtype, shape, elements });
  }
  return tensors;
}

type Bound = readonly [max: number, limit: keyof DecodeLimits];

function tooMany(field: string, what: string, [max, limit]: Bound): ServingError {
  const message = `${field}: more than ${max} ${what} are not allowed (${limit})`;
  return new ServingError("LIMIT_EXCEEDED", message, { field, limit });
}

function notASize(position: number, dimension: number, size: number): ServingError {
  const field = `inputs[${position}].shape[${dimension}]`;
  const expected = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
  return new ServingError("INVALID_INPUT", `${field}: expected ${expected}, got ${size}`, {
    field,
  });
}

function contentsTwice(position: number): ServingError {
  const field = `inputs[${position}].contents`;
  return new ServingError("INVALID_REQUEST", `${field}: given twice, expected once`, { field });
}

/** In the words that clients look for. */
function rawAndContents({ name }: DraftInput, { model }: Draft): ServingError {
  const message =
    "contents field must not be specified when using raw_input_contents for " +
    `${quote(name)} for model ${quote(model)}`;
  return new ServingError("INVALID_INPUT", message, { field: "raw_input_contents" });
}

function wrongRawCount({ raw, inputs }: Draft): ServingError {
  const message =
    `raw_input_contents: ${raw.length} tensors, expected ${inputs.length}, ` +
    "one for each of the inputs";
  return new ServingError("INVALID_INPUT", message, { field: "raw_input_contents" });
}
