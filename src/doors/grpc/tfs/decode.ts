/**
 * Reads a PredictRequest straight from its bytes. Contract: proto/tensorflow_serving.
 *
 * A map names an input once: of two entries with one key the later counts, as in protobuf. Until
 * all keys are known an input is a place in the message; names and sizes are checked against the
 * signature before any element is read.
 */
import { ServingError } from "../../../base/index.ts";
import type { InputChecks } from "../../../model/index.ts";
import type { OipTensor } from "../../../tensor/index.ts";
import { WireReader } from "../wire/reader.ts";
import { readTensor, type TfsLimits } from "./tensor.ts";

/** A request as it was read. */
export interface DecodedPredict {
  readonly tensors: readonly OipTensor[];
  /** The wanted outputs; none for all. */
  readonly outputFilter: readonly string[];
}

/** Keys of the fields: `number << 3 | 2`. */
const key = { one: 10, two: 18, three: 26 } as const;

/** Where the value of an entry lies. */
interface Place {
  readonly at: number;
  readonly end: number;
}

/**
 * @throws INVALID_REQUEST bytes that are no such message
 * @throws INVALID_INPUT names, types, shapes or values that the model does not take
 * @throws LIMIT_EXCEEDED
 */
export function decodePredict(
  bytes: Buffer,
  checks: InputChecks,
  limits: TfsLimits,
): DecodedPredict {
  const reader = new WireReader(bytes);
  /** At most `inputsMax`. */
  const places = new Map<string, Place>();
  const outputFilter: string[] = [];
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.two) {
      const { name, place } = readEntry(reader);
      if (places.size >= limits.inputsMax && !places.has(name)) throw tooManyInputs(limits);
      places.set(name, place);
    } else if (tag === key.three) {
      if (outputFilter.length >= limits.outputsMax) throw tooManyOutputs(limits);
      outputFilter.push(reader.text(`output_filter[${outputFilter.length}]`));
    } else reader.skip(tag);
  }
  const tensors: OipTensor[] = [];
  for (const [name, { at, end }] of places) {
    const head = { name, position: tensors.length, checks, limits };
    tensors.push(readTensor(new WireReader(bytes, at, end), head));
  }
  return { tensors, outputFilter };
}

function readEntry(reader: WireReader): { name: string; place: Place } {
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  let name = "";
  let place: Place = { at: end, end };
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === key.one) name = reader.text("a key of inputs");
    else if (tag === key.two) {
      const valueEnd = reader.lengthEnd();
      place = { at: reader.pos, end: valueEnd };
      reader.pos = valueEnd;
    } else reader.skip(tag);
  }
  reader.end = outer;
  return { name, place };
}

function tooManyInputs({ inputsMax }: TfsLimits): ServingError {
  const message = `inputs: more than ${inputsMax} tensors are not allowed (inputsMax)`;
  return new ServingError("LIMIT_EXCEEDED", message, { field: "inputs", limit: "inputsMax" });
}

function tooManyOutputs({ outputsMax }: TfsLimits): ServingError {
  const field = "output_filter";
  const message = `${field}: more than ${outputsMax} outputs are not allowed (outputsMax)`;
  return new ServingError("LIMIT_EXCEEDED", message, { field, limit: "outputsMax" });
}
