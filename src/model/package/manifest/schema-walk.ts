/**
 * Looks into a zod schema: which keys does an object have, and what stands behind a path.
 *
 * For suggestions in errors and for reference pages; zod itself offers no such walk.
 */
import { z } from "zod";

type Schema = z.core.$ZodType;

/** The schema without `optional`, `default` and the like. */
function bare(schema: Schema): Schema {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodNullable
  ) {
    inner = inner.def.innerType;
  }
  return inner;
}

/** The schema at the end of a path, or `undefined` when the path leads nowhere. */
export function childSchema(
  schema: Schema,
  path: readonly (string | number)[],
): Schema | undefined {
  let at: Schema | undefined = schema;
  for (const key of path) {
    if (at === undefined) return undefined;
    const here: Schema = bare(at);
    if (here instanceof z.ZodObject) at = here.shape[String(key)] as Schema | undefined;
    else if (here instanceof z.ZodRecord) at = here.def.valueType;
    else if (here instanceof z.ZodArray) at = here.def.element;
    else return undefined;
  }
  return at;
}

/** The keys of an object schema; none for anything else. */
export function keysOf(schema: Schema | undefined): readonly string[] {
  if (schema === undefined) return [];
  const inner = bare(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}
