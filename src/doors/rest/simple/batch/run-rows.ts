/**
 * Runs rows of which each may fail alone.
 *
 * Rows run together as one request; only when that is refused for a reason that lies in the rows
 * (a value out of range, an input that the engine rejects) they run one by one, so that the faulty
 * ones are known by name and their neighbours are answered. Every other error belongs to all rows.
 */
import { ServingError } from "../../../../base/index.ts";
import type { RequestContext } from "../../../../predict/index.ts";
import {
  type Answer,
  makeAnswer,
  type ServedVersion,
  type Service,
} from "../../../../service/index.ts";
import { sliceItems, type Tensor } from "../../../../tensor/index.ts";
import type { SimpleRequest } from "../decode.ts";
import { formRequest } from "../form-request.ts";
import type { SimpleServing } from "../serving.ts";

/** One row's end: an answer (and its place in it), or an error. */
export interface RowEnd {
  /** Place of the row in the caller's list. */
  readonly index: number;
  readonly answer: Answer | undefined;
  readonly place: number;
  readonly error: ServingError | undefined;
}

/** What the place of a row is told by. */
export interface RowsPlace {
  readonly decoded: Pick<SimpleRequest, "field">;
}

export interface RowsOf extends RowsPlace {
  readonly service: Service;
  readonly served: ServedVersion;
  readonly serving: SimpleServing;
  readonly decoded: SimpleRequest;
  readonly context: RequestContext;
}

/** Rows `from` to `to` (exclusive) of what was decoded; never rejects. */
export async function runRows(rows: RowsOf, from: number, to: number): Promise<RowEnd[]> {
  const isAlone = !rows.serving.plan.isBatchable;
  if (isAlone && to - from > 1) return await runEach(rows, from, to);
  try {
    const answer = await runTogether(rows, from, to);
    const ends: RowEnd[] = [];
    for (let row = from; row < to; row += 1) {
      ends.push({ index: indexOf(rows, row), answer, place: row - from, error: undefined });
    }
    return ends;
  } catch (thrown) {
    const error = ServingError.from(thrown);
    if (to - from > 1 && isRowsOwn(error)) return await runEach(rows, from, to);
    const ends: RowEnd[] = [];
    for (let row = from; row < to; row += 1) ends.push(failed(rows, row, error));
    return ends;
  }
}

async function runEach(rows: RowsOf, from: number, to: number): Promise<RowEnd[]> {
  const pending: Promise<RowEnd[]>[] = [];
  for (let row = from; row < to; row += 1) pending.push(runRows(rows, row, row + 1));
  return (await Promise.all(pending)).flat();
}

async function runTogether(rows: RowsOf, from: number, to: number): Promise<Answer> {
  const { service, served, serving, decoded, context } = rows;
  const isWhole = from === 0 && to === decoded.items;
  const part = isWhole ? decoded : { ...decoded, ...slice(rows, from, to) };
  const request = formRequest(served, serving, part);
  const response = await service.infer(served, request, context);
  return makeAnswer(serving.answerPlan, response.outputs, to - from);
}

function slice(
  rows: RowsOf,
  from: number,
  to: number,
): Pick<SimpleRequest, "tensors" | "items" | "indexes"> {
  const { serving, decoded } = rows;
  const isBatchable = serving.plan.isBatchable;
  const indexes: number[] = [];
  for (let row = from; row < to; row += 1) indexes.push(indexOf(rows, row));
  const tensors = decoded.tensors.map((tensor) => {
    if (tensor === undefined) return undefined;
    return isBatchable ? sliceItems(tensor, from, to) : rowOf(tensor, from, decoded.items);
  });
  return { tensors, items: to - from, indexes };
}

/** Row `row` of rows that lie one after the other in a tensor that has no item dimension. */
function rowOf(tensor: Tensor, row: number, rows: number): Tensor {
  const stacked = { ...tensor, shape: [rows, ...tensor.shape] } as Tensor;
  const one = sliceItems(stacked, row, row + 1);
  return { ...one, shape: tensor.shape } as Tensor;
}

function failed(rows: RowsOf, row: number, error: ServingError): RowEnd {
  const index = indexOf(rows, row);
  return { index, answer: undefined, place: 0, error: placedError(rows, index, error) };
}

/** The model and its engine know no rows: what lies in one row gets its place here. */
export function placedError(
  { decoded }: RowsPlace,
  index: number,
  error: ServingError,
): ServingError {
  const { code, cause } = error;
  const isOfOutput = code === "OUTPUT_NOT_REPRESENTABLE";
  const isPlaced = code === "INVALID_INPUT" || !(isOfOutput || isRowsOwn(error));
  if (isPlaced || !listFields.includes(decoded.field)) return error;
  const field = `${decoded.field}[${index}]`;
  return new ServingError(code, `${field}: ${error.message}`, { field, cause });
}

/** The fields that hold a list of rows. */
const listFields: readonly string[] = ["instances", "input_data", "texts"];

function indexOf(rows: RowsOf, row: number): number {
  return rows.decoded.indexes?.[row] ?? row;
}

/** True for what lies in the rows themselves. */
export function isRowsOwn(error: ServingError): boolean {
  return (
    error.code === "INVALID_INPUT" ||
    error.code === "INPUT_REJECTED_BY_MODEL" ||
    error.code === "INPUT_QUARANTINED"
  );
}
