/**
 * JSON text of a request, exact: a bigint is written with all digits, NaN and Infinity are refused.
 *
 * `JSON.stringify` throws at a bigint and writes NaN as `null`, which a model would take for a
 * missing value.
 */
import { invalidInput } from "../millrace-error.ts";

/** Levels of nesting; the server's own default limit is 32. */
const depthMax = 64;

/**
 * @param field how a fault is named, `features`
 * @throws INVALID_INPUT for NaN, Infinity, functions, symbols, nesting over 64 levels
 */
export function writeJson(value: unknown, field: string): string {
  return write(value, field, 0);
}

function write(value: unknown, field: string, depth: number): string {
  switch (typeof value) {
    case "number":
      return numberText(value, field);
    case "bigint":
      return value.toString();
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      break;
    default:
      throw invalidInput(field, `expected a number, string, list or object, got ${typeof value}`);
  }
  if (depth >= depthMax) throw invalidInput(field, `is nested deeper than ${depthMax} levels`);
  if (Array.isArray(value)) return listText(value, field, depth);
  if (ArrayBuffer.isView(value)) return viewText(value, field, depth);
  return objectText(value, field, depth);
}

function numberText(value: number, field: string): string {
  if (!Number.isFinite(value)) {
    throw invalidInput(field, `${value} has no form in JSON; send it as a binary tensor (infer)`);
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

function listText(list: readonly unknown[], field: string, depth: number): string {
  const parts: string[] = [];
  for (const [index, each] of list.entries()) {
    parts.push(write(each, `${field}[${index}]`, depth + 1));
  }
  return `[${parts.join(",")}]`;
}

function viewText(view: ArrayBufferView, field: string, depth: number): string {
  if (!isIterable(view)) throw invalidInput(field, "expected a typed array, got a DataView");
  return listText([...view], field, depth);
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}

/** Keys whose value is `undefined` are left out, as `JSON.stringify` does. */
function objectText(value: object, field: string, depth: number): string {
  const parts: string[] = [];
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined) continue;
    parts.push(`${JSON.stringify(key)}:${write(each, `${field}.${key}`, depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}
