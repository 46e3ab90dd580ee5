/**
 * Reads `parameters` objects and takes the reserved names out of them.
 *
 * A parameter is a string, a number or a boolean. Names that protocols reserve mean the same for
 * every model, so they never travel on to one: a request must not miss its batch because it has
 * another timeout. `headers`, which some clients fill with an object, is skipped. At most 64 in one
 * object; a Map holds them, so no name of a caller becomes a property.
 */
import { ServingError } from "../../base/index.ts";
import { readDouble } from "../json/float.ts";
import { readExactWhole, readShortWhole } from "../json/integer.ts";
import type { JsonReader } from "../json/reader.ts";
import { givenTwice, tooMany, wholeMax, wrongKind } from "./fields.ts";
import type { OipParameter, OipParameters } from "./oip-request.ts";
import { quoteText } from "./quote-text.ts";

/** Parameters in one object. */
export const parametersMax = 64;

/** Reads the object at `field`. */
export function readParameters(reader: JsonReader, field: string): Map<string, OipParameter> {
  if (reader.peek() !== "object") throw wrongKind(reader, field, "an object");
  // At most `parametersMax` entries.
  const parameters = new Map<string, OipParameter>();
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("headers")) {
      reader.skipValue();
      continue;
    }
    const name = reader.keyText();
    const path = `${field}.${quoteText(name)}`;
    if (parameters.has(name)) throw givenTwice(path);
    if (parameters.size >= parametersMax) {
      throw tooMany(field, `${parametersMax} parameters`);
    }
    parameters.set(name, readParameter(reader, path));
  }
  return parameters;
}

function readParameter(reader: JsonReader, field: string): OipParameter {
  switch (reader.peek()) {
    case "string":
      return reader.readString();
    case "boolean":
      return reader.readBoolean();
    case "number":
      return readNumber(reader, field);
    default:
      throw wrongKind(reader, field, "a string, a number, true or false");
  }
}

function readNumber(reader: JsonReader, field: string): number | bigint {
  const short = readShortWhole(reader);
  if (!Number.isNaN(short)) return short;
  const at = reader.at;
  const exact = readExactWhole(reader);
  if (typeof exact === "bigint") {
    const isSafe = exact <= BigInt(wholeMax) && exact >= -BigInt(wholeMax);
    return isSafe ? Number(exact) : exact;
  }
  reader.at = at;
  const value = readDouble(reader);
  if (Number.isFinite(value)) return value;
  const message = `${field}: the number is beyond the range of a double`;
  throw new ServingError("INVALID_REQUEST", message, { field });
}

/** What the reserved parameters of a request say. */
export interface Reserved {
  readonly timeoutUs: number;
  readonly priority: number;
  readonly isBinaryDefault: boolean;
  /** The others, or `undefined`. */
  readonly rest: OipParameters | undefined;
}

export const nothingReserved: Reserved = {
  timeoutUs: 0,
  priority: 0,
  isBinaryDefault: false,
  rest: undefined,
};

/** Takes the reserved names out of a request's parameters. */
export function takeReserved(parameters: Map<string, OipParameter>): Reserved {
  const timeoutUs = takeWhole(parameters, "timeout");
  const priority = takeWhole(parameters, "priority");
  const isBinaryDefault = takeBoolean(parameters, "binary_data_output") ?? false;
  takeSequence(parameters);
  for (const name of parameters.keys()) {
    if (!name.startsWith("triton_")) continue;
    const field = `parameters.${quoteText(name)}`;
    const message = `${field}: names that start with 'triton_' are reserved, leave it out`;
    throw new ServingError("INVALID_REQUEST", message, { field });
  }
  const rest = parameters.size === 0 ? undefined : parameters;
  return { timeoutUs, priority, isBinaryDefault, rest };
}

/** Models keep no state between requests, so a sequence is checked for its form and not used. */
function takeSequence(parameters: Map<string, OipParameter>): void {
  const id = parameters.get("sequence_id");
  const isNumber = typeof id === "number" || typeof id === "bigint";
  const isId = id === undefined || typeof id === "string" || (isNumber && isUint64(id));
  if (!isId) {
    const message = "parameters.sequence_id: expected a string or a whole number from 0";
    throw new ServingError("INVALID_REQUEST", message, { field: "parameters.sequence_id" });
  }
  parameters.delete("sequence_id");
  takeBoolean(parameters, "sequence_start");
  takeBoolean(parameters, "sequence_end");
}

function isUint64(value: number | bigint): boolean {
  return Number.isInteger(Number(value)) && value >= 0 && value < 2n ** 64n;
}

/** Takes a whole number, 0 when it is absent. */
function takeWhole(parameters: Map<string, OipParameter>, name: string): number {
  const value = parameters.get(name);
  parameters.delete(name);
  if (value === undefined) return 0;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw notOfKind(`parameters.${name}`, `a whole number from 0 to ${wholeMax}`);
}

function takeBoolean(parameters: Map<string, OipParameter>, name: string): boolean | undefined {
  const value = parameters.get(name);
  parameters.delete(name);
  if (value === undefined || typeof value === "boolean") return value;
  throw notOfKind(`parameters.${name}`, "true or false");
}

/** The whole number of a tensor's parameter `name`, or `undefined` when it is absent. */
export function wholeParameter(
  parameters: OipParameters,
  field: string,
  name: string,
): number | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw notOfKind(`${field}.${name}`, `a whole number from 0 to ${wholeMax}`);
}

/** The boolean of a tensor's parameter `name`, or `undefined` when it is absent. */
export function booleanParameter(
  parameters: OipParameters,
  field: string,
  name: string,
): boolean | undefined {
  const value = parameters.get(name);
  if (value === undefined || typeof value === "boolean") return value;
  throw notOfKind(`${field}.${name}`, "true or false");
}

function notOfKind(field: string, expected: string): ServingError {
  return new ServingError("INVALID_REQUEST", `${field}: expected ${expected}`, { field });
}
