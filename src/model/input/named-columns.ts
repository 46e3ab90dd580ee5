/**
 * Writes a row of named fields (`{"age": 35, "tenure": 24}`) into a numeric tensor.
 *
 * The order of the columns is the model's business, not the caller's. Each field is looked up by
 * name in the row, so `__proto__` and its kin find nothing; an unknown key is refused with a
 * suggestion, because a misspelt field that fell back to its default would be a wrong answer
 * without a word. Bounds are checked afterwards, by the same code as every other tensor
 * (`check-values.ts`); here a value must be of its column's kind: integers refuse fractions before
 * rounding could hide them.
 */
import { didYouMean, quote, ServingError } from "../../base/index.ts";
import type { Dtype, NumericArray } from "../../tensor/index.ts";
import type { ColumnSpec } from "../column-spec.ts";
import type { InputSpec } from "../signature.ts";
import { listed } from "./check-shape.ts";
import { dtypeRange, isWholeDtype } from "./dtype-range.ts";

/** The named columns of one numeric input, compiled. */
export interface ColumnPlan {
  readonly columns: readonly ColumnSpec[];
  readonly tensorDtype: Dtype;
  /** As many entries as there are columns. */
  readonly indexByName: ReadonlyMap<string, number>;
  /** True when the column takes any number at all: nothing to check but its type. */
  readonly isAnyNumber: readonly boolean[];
}

/** At most three dtypes. */
const noNamedRows: ReadonlySet<Dtype> = new Set<Dtype>(["BYTES", "FP16", "BF16"]);

/** A row as JSON gave it. Values of the wrong type are refused. */
export type GivenRow = { readonly [name: string]: unknown };

/**
 * The plan of an input; `undefined` when it names no columns, or holds strings or 16-bit floats,
 * which JSON never carries.
 */
export function prepareColumns(spec: InputSpec): ColumnPlan | undefined {
  if (spec.columns === undefined || noNamedRows.has(spec.dtype)) return undefined;
  const isFloat = spec.dtype === "FP32" || spec.dtype === "FP64";
  return Object.freeze({
    columns: spec.columns,
    tensorDtype: spec.dtype,
    indexByName: new Map(spec.columns.map((column, index) => [column.name, index])),
    isAnyNumber: spec.columns.map((column) => isFloat && !isWholeDtype(column.dtype)),
  });
}

/** Where a row goes: `elements[offset]` is its first column; `path` names it (`instances[2]`). */
export interface RowTarget {
  readonly elements: NumericArray;
  readonly offset: number;
  /** "" when the fields stand by themselves. */
  readonly path: string;
}

/**
 * Writes one row.
 *
 * @throws INVALID_INPUT a field is missing, unknown, of the wrong type or not whole
 */
export function writeNamedRow(plan: ColumnPlan, row: GivenRow, target: RowTarget): void {
  const { columns, isAnyNumber } = plan;
  const { elements, offset } = target;
  let found = 0;
  for (let index = 0; index < columns.length; index += 1) {
    const value = row[(columns[index] as ColumnSpec).name];
    if (typeof value === "number" && isAnyNumber[index] === true) {
      elements[offset + index] = value;
      // Looked at as stored: 1e39 is a number, but not a float32.
      if (!Number.isFinite(elements[offset + index])) {
        throw wrongKind(columns[index] as ColumnSpec, { value, path: target.path });
      }
      found += 1;
    } else if (writeCarefully(plan, row, { ...target, column: index })) found += 1;
  }
  let keys = 0;
  for (const _ in row) keys += 1;
  if (keys !== found) refuseUnknown(plan, row, target.path);
}

interface CellTarget extends RowTarget {
  readonly column: number;
}

/** True when the row has the field; the default is written when it has not, or holds null. */
function writeCarefully(plan: ColumnPlan, row: GivenRow, target: CellTarget): boolean {
  const column = plan.columns[target.column] as ColumnSpec;
  const isPresent = Object.hasOwn(row, column.name);
  const given = isPresent ? row[column.name] : undefined;
  const value = given === undefined || given === null ? column.default : given;
  if (value === undefined) {
    // A misspelt key explains a missing field better than the field does.
    refuseUnknown(plan, row, target.path);
    throw missing(plan, column, { ...target, isNull: given === null });
  }
  const number = cellNumber(plan.tensorDtype, column, { value, path: target.path });
  const at = target.offset + target.column;
  target.elements[at] = number;
  return isPresent;
}

/**
 * The value of one cell, in the form that the tensor's array stores.
 *
 * @param cell its value as given: a number, a bigint for 64-bit integers, a boolean for BOOL
 * @throws INVALID_INPUT not of the column's kind
 */
export function cellNumber(
  tensorDtype: Dtype,
  column: ColumnSpec,
  cell: { readonly value: unknown; readonly path: string },
): number | bigint {
  const { value } = cell;
  const isBig = tensorDtype === "INT64" || tensorDtype === "UINT64";
  const isBoolean = typeof value === "boolean" && column.dtype === "BOOL";
  const isNumber = typeof value === "number" && Number.isFinite(value);
  if (!isBoolean && !isNumber && typeof value !== "bigint") throw wrongKind(column, cell);
  if (isWholeDtype(column.dtype)) {
    const [min, max] = dtypeRange(column.dtype);
    const isExact = typeof value !== "number" || Number.isSafeInteger(value);
    const isInside = isBoolean || (Number(value) >= min && Number(value) <= max);
    if (!isExact || !isInside || !fits64(column.dtype, value)) throw wrongKind(column, cell);
  }
  return isBig ? BigInt(value as number | bigint | boolean) : Number(value);
}

function fits64(dtype: Dtype, value: unknown): boolean {
  if (typeof value !== "bigint") return true;
  if (dtype === "INT64") return BigInt.asIntN(64, value) === value;
  return dtype !== "UINT64" || BigInt.asUintN(64, value) === value;
}

/** `instances[2].age`. */
function fieldPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrongKind(
  column: ColumnSpec,
  cell: { readonly value: unknown; readonly path: string },
): ServingError {
  const field = fieldPath(cell.path, column.name);
  const [min, max] = dtypeRange(column.dtype);
  const range = isWholeDtype(column.dtype) ? ` from ${min} to ${max}` : "";
  const noun = isWholeDtype(column.dtype) ? "a whole number" : "a number";
  const expected = column.dtype === "BOOL" ? "true or false" : `${noun}${range}`;
  const message = `${field}: ${shownValue(cell.value)}, expected ${expected} (${column.dtype})`;
  return new ServingError("INVALID_INPUT", message, { field });
}

/** What a caller sent, short enough for a message. */
function shownValue(value: unknown): string {
  if (typeof value === "string") return `string ${quote(value)}`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return value === null ? "null" : "an object";
  return quote(String(value)).slice(1, -1);
}

function missing(
  plan: ColumnPlan,
  column: ColumnSpec,
  target: { readonly path: string; readonly isNull: boolean },
): ServingError {
  const field = fieldPath(target.path, column.name);
  const what = target.isNull ? "null" : "missing";
  const names = listed(plan.columns.map((each) => each.name));
  const expected = target.isNull ? "a number: it has no default" : `the fields ${names}`;
  return new ServingError("INVALID_INPUT", `${field}: ${what}, expected ${expected}`, { field });
}

function refuseUnknown(plan: ColumnPlan, row: GivenRow, path: string): void {
  for (const key of Object.keys(row)) {
    if (plan.indexByName.has(key)) continue;
    const names = plan.columns.map((column) => column.name);
    const text = `unknown field ${quote(key)}, expected ${listed(names)}${didYouMean(key, names)}`;
    const field = fieldPath(path, quote(key).slice(1, -1));
    const message = path === "" ? text : `${path}: ${text}`;
    throw new ServingError("INVALID_INPUT", message, { field });
  }
}
