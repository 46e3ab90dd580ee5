/**
 * The rows of a stream as they stand in the caller's list: those that could be read, which run, and
 * those that could not, which have failed already.
 */
import type { RequestContext } from "../../../predict/index.ts";
import type { ServedVersion, Service } from "../../../service/index.ts";
import { ownTensor, type Tensor, tensorBytes } from "../../../tensor/index.ts";
import { type RowEnd, type RowsOf, runRows } from "../simple/batch/run-rows.ts";
import type { RowFault, SimpleRequest } from "../simple/decode.ts";
import { simpleServing } from "../simple/serving.ts";

export interface StreamSource {
  readonly served: ServedVersion;
  readonly decoded: SimpleRequest;
  /** Rows in the caller's list. */
  readonly total: number;
  /** Indexes of the rows that were told to have failed; at most `total`. */
  readonly failed: Set<number>;
}

export function streamSource(served: ServedVersion, decoded: SimpleRequest): StreamSource {
  const total = decoded.items + decoded.faults.length;
  // At most one entry for each row of the request.
  return { served, decoded, total, failed: new Set() };
}

/** Memory that a source holds, byte. */
export function sourceBytes({ decoded }: StreamSource): number {
  let bytes = decoded.faults.length * faultBytes + (decoded.indexes?.length ?? 0) * numberBytes;
  for (const tensor of decoded.tensors) bytes += tensor === undefined ? 0 : tensorBytes(tensor);
  for (const text of decoded.texts ?? []) bytes += text.length * characterBytes;
  return bytes;
}

/** What an error with its message takes, and a number in a list, and a character; roughly. */
const faultBytes = 512;
const numberBytes = 8;
const characterBytes = 2;

export function rowsOf(
  service: Service,
  { served, decoded }: StreamSource,
  context: RequestContext,
): RowsOf {
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  return { service, served, serving, decoded, context };
}

/** Runs the rows `from` to `to` (exclusive) of the caller's list; ends are in that order. */
export async function runListed(rows: RowsOf, from: number, to: number): Promise<RowEnd[]> {
  return owned(await runThem(rows, from, to));
}

async function runThem(rows: RowsOf, from: number, to: number): Promise<RowEnd[]> {
  const { faults } = rows.decoded;
  if (faults.length === 0) return await runRows(rows, from, to);
  const indexes = rows.decoded.indexes ?? [];
  const [first, last] = [placeOf(indexes, from), placeOf(indexes, to)];
  const ran = first === last ? [] : await runRows(rows, first, last);
  const failed = faults.filter(({ index }) => index >= from && index < to).map(faultyEnd);
  return [...ran, ...failed].sort((a, b) => a.index - b.index);
}

/** The answers wait for their reader: without the frame of the whole batch that they came in. */
function owned(ends: readonly RowEnd[]): RowEnd[] {
  let last: RowEnd["answer"];
  let own: RowEnd["answer"];
  return ends.map((end) => {
    const { answer } = end;
    if (answer === undefined) return end;
    if (answer !== last) {
      last = answer;
      const { prediction, probability } = answer;
      own = {
        ...answer,
        prediction: prediction === undefined ? undefined : ownTensor(prediction),
        probability: probability === undefined ? undefined : ownTensor(probability),
      };
    }
    return { ...end, answer: own };
  });
}

/** How many of the rising `indexes` are below `index`. */
function placeOf(indexes: readonly number[], index: number): number {
  let [low, high] = [0, indexes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((indexes[middle] ?? 0) < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function faultyEnd({ index, error }: RowFault): RowEnd {
  return { index, answer: undefined, place: 0, error };
}

/** Memory that the answers of a slice hold, byte. */
export function answerBytes(ends: readonly RowEnd[]): number {
  let bytes = 0;
  let last: RowEnd["answer"];
  for (const { answer } of ends) {
    if (answer === undefined || answer === last) continue;
    last = answer;
    bytes += sizeOf(answer.prediction) + sizeOf(answer.probability);
  }
  return bytes;
}

function sizeOf(tensor: Tensor | undefined): number {
  return tensor === undefined ? 0 : tensorBytes(tensor);
}
