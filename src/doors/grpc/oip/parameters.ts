/**
 * Reads the parameters of a message, a map from names to values of several kinds.
 *
 * They come as entries; a name that comes again replaces the value before it, as protobuf has it.
 */
import { ServingError } from "../../../base/index.ts";
import { type OipParameters, parametersMax } from "../../../tensor/index.ts";
import type { WireReader } from "../wire/reader.ts";

type Value = OipParameters extends ReadonlyMap<string, infer Each> ? Each : never;

export type Parameters = Map<string, Value>;

const keyField = 10;
const valueField = 18;
const param = { bool: 8, int64: 16, string: 26, double: 33, uint64: 40 } as const;

/**
 * Adds the entry that comes next to `known`, which is made for the first.
 * @throws INVALID_REQUEST, LIMIT_EXCEEDED (more than 64)
 */
export function readParameterEntry(
  reader: WireReader,
  field: string,
  known: Parameters | undefined,
): Parameters {
  // At most `parametersMax` entries.
  const parameters: Parameters = known ?? new Map<string, Value>();
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  let name = "";
  let value: Value | undefined;
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === keyField) name = reader.text(field);
    else if (tag === valueField) value = readValue(reader, field);
    else reader.skip(tag);
  }
  reader.end = outer;
  if (!parameters.has(name) && parameters.size >= parametersMax) {
    const message = `${field}: more than ${parametersMax} parameters are not allowed`;
    throw new ServingError("LIMIT_EXCEEDED", `${message} (a fixed limit)`, { field });
  }
  // A value of no kind says nothing.
  if (value !== undefined) parameters.set(name, value);
  return parameters;
}

function readValue(reader: WireReader, field: string): Value | undefined {
  const end = reader.lengthEnd();
  const outer = reader.end;
  reader.end = end;
  let value: Value | undefined;
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag === param.bool) value = reader.bool();
    else if (tag === param.int64) value = narrowed(reader.int64());
    else if (tag === param.string) value = reader.text(field);
    else if (tag === param.double) value = reader.double();
    else if (tag === param.uint64) value = narrowed(reader.uint64());
    else reader.skip(tag);
  }
  reader.end = outer;
  return value;
}

/** A number where a double is exact. */
function narrowed(value: bigint): number | bigint {
  const isSafe = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  return isSafe ? Number(value) : value;
}
