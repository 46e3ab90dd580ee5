/**
 * Reads the JSON of an inference request in one pass, without knowing any model.
 *
 * Known keys are taken in any order and refused when they come twice; others (`model_name` of
 * KServe) are skipped. Counts and shapes are checked before memory is taken for them. What a model
 * wants is checked afterwards, in one place for all doors.
 */
import { ServingError } from "../../base/index.ts";
import { JsonReader } from "../json/reader.ts";
import { checkId } from "./checks.ts";
import { givenTwice, missing, readList, readText, tooMany, wrongKind } from "./fields.ts";
import { refuseSharedMemory } from "./memory-regions.ts";
import type { OipInput, OipLimits, OipOutput, OipRequest } from "./oip-request.ts";
import {
  booleanParameter,
  nothingReserved,
  type Reserved,
  readParameters,
  takeReserved,
  wholeParameter,
} from "./parameters.ts";
import { readInput } from "./read-input.ts";

const inputForm = '{"inputs":[{"name","shape","datatype","data"}]}';

/**
 * @param bytes the JSON part of the body
 * @throws INVALID_REQUEST broken JSON or an envelope that is none of the protocol
 * @throws INVALID_INPUT a datatype, dimension or value that no model takes
 * @throws LIMIT_EXCEEDED counts and sizes over their limits
 * @throws UNSUPPORTED tensors in shared memory
 */
export function readOipRequest(bytes: Uint8Array, limits: OipLimits): OipRequest {
  const reader = new JsonReader(bytes, limits.jsonDepthMax);
  const kind = reader.peek();
  if (kind !== "object") {
    const isJson = kind !== "invalid" && kind !== "end";
    const text = `the body is ${reader.shownNext()}, expected an object: ${inputForm}`;
    throw isJson ? new ServingError("INVALID_REQUEST", text) : reader.unexpected("an object");
  }
  const envelope = new Envelope(reader, limits);
  reader.enterObject();
  while (reader.nextMember()) envelope.readMember();
  reader.end();
  return envelope.finish();
}

class Envelope {
  readonly #reader: JsonReader;
  readonly #limits: OipLimits;
  #id: string | undefined;
  #inputs: readonly OipInput[] | undefined;
  #outputs: readonly OipOutput[] | undefined;
  #reserved: Reserved | undefined;

  constructor(reader: JsonReader, limits: OipLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  readMember(): void {
    const reader = this.#reader;
    if (reader.isKey("inputs")) {
      if (this.#inputs !== undefined) throw givenTwice("inputs");
      this.#inputs = this.#readInputs();
    } else if (reader.isKey("outputs")) {
      if (this.#outputs !== undefined) throw givenTwice("outputs");
      this.#outputs = this.#readOutputs();
    } else if (reader.isKey("parameters")) {
      if (this.#reserved !== undefined) throw givenTwice("parameters");
      this.#reserved = takeReserved(readParameters(reader, "parameters"));
    } else if (reader.isKey("id")) {
      if (this.#id !== undefined) throw givenTwice("id");
      this.#id = this.#readId();
    } else reader.skipValue();
  }

  finish(): OipRequest {
    if (this.#inputs === undefined) throw missing("inputs", `a list of tensors: ${inputForm}`);
    const { timeoutUs, priority, isBinaryDefault, rest } = this.#reserved ?? nothingReserved;
    return {
      id: this.#id,
      inputs: this.#inputs,
      outputs: this.#outputs ?? [],
      isBinaryDefault,
      timeoutUs,
      priority,
      parameters: rest,
    };
  }

  #readId(): string {
    return checkId(readText(this.#reader, "id"));
  }

  #readInputs(): readonly OipInput[] {
    const { inputsMax } = this.#limits;
    const inputs: OipInput[] = [];
    readList(this.#reader, "inputs", {
      of: "tensors",
      read: (position) => {
        if (position >= inputsMax) throw tooMany("inputs", `${inputsMax} tensors`, "inputsMax");
        inputs.push(readInput(this.#reader, position, this.#limits));
      },
    });
    return inputs;
  }

  #readOutputs(): readonly OipOutput[] {
    const { outputsMax } = this.#limits;
    const outputs: OipOutput[] = [];
    readList(this.#reader, "outputs", {
      of: "outputs",
      read: (position) => {
        if (position >= outputsMax) throw tooMany("outputs", `${outputsMax} outputs`, "outputsMax");
        outputs.push(readOutput(this.#reader, `outputs[${position}]`));
      },
    });
    return outputs;
  }
}

function readOutput(reader: JsonReader, field: string): OipOutput {
  if (reader.peek() !== "object") throw wrongKind(reader, field, "an object");
  let name: string | undefined;
  let parameters: ReturnType<typeof readParameters> | undefined;
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("name")) {
      if (name !== undefined) throw givenTwice(`${field}.name`);
      name = readText(reader, `${field}.name`);
    } else if (reader.isKey("parameters")) {
      if (parameters !== undefined) throw givenTwice(`${field}.parameters`);
      parameters = readParameters(reader, `${field}.parameters`);
    } else reader.skipValue();
  }
  if (name === undefined) throw missing(`${field}.name`, "the name of an output of the model");
  if (parameters === undefined) return { name, isBinary: undefined, classes: 0 };
  refuseSharedMemory(parameters, `${field}.parameters`);
  const isBinary = booleanParameter(parameters, `${field}.parameters`, "binary_data");
  const classes = wholeParameter(parameters, `${field}.parameters`, "classification") ?? 0;
  return { name, isBinary, classes };
}
