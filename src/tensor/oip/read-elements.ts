/**
 * Reads the `data` of an input: a flat list, or lists nested as the shape says.
 *
 * Other regular nestings are taken too when their count fits (numpy's `reshape` takes them), ragged
 * ones never. Values go straight into the tensor's own memory. That memory is bounded by what the
 * body can still hold and by the shape, whichever is less, so a shape that lies allocates nothing.
 */
import { ServingError } from "../../base/index.ts";
import type { ByteStrings } from "../byte-strings.ts";
import { type Dtype, dtypeTable } from "../dtype.ts";
import { NumberSink } from "../json/number-sink.ts";
import type { JsonReader } from "../json/reader.ts";
import type { NumericArray } from "../numeric-array.ts";
import { TextSink } from "./text-sink.ts";

/** What is known of a tensor whose `data` comes next. */
export interface ElementsHead {
  /** `inputs[0].data` */
  readonly field: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly count: number;
  readonly stringElementBytesMax: number;
}

interface ElementSink {
  readonly place: number[];
  readonly count: number;
  readRun(reader: JsonReader): number;
  readRow(reader: JsonReader, length: number): void;
  take(): NumericArray | ByteStrings;
}

const openBracket = 0x5b;

/**
 * @throws INVALID_INPUT for ragged lists, another number of values than the shape has, or a value
 *   that is not of the dtype
 */
export function readElements(reader: JsonReader, head: ElementsHead): NumericArray | ByteStrings {
  refuseHalf(head);
  const kind = reader.peek();
  if (kind === "invalid" || kind === "end") throw reader.unexpected("an array");
  if (kind !== "array") {
    throw fault(head, `expected an array of ${head.count} values, got ${reader.shownNext()}`);
  }
  const sink = sinkOf(reader, head);
  const lists = new ListReader(reader, sink, head);
  try {
    reader.enterArray();
    lists.readLevel(0);
  } catch (thrown) {
    const error = ServingError.from(thrown);
    const isOver = error.code === "LIMIT_EXCEEDED" && error.field === head.field;
    throw isOver
      ? fault(head, `more than ${countText(head, head.count === 1 ? " value" : " values")}`)
      : error;
  }
  if (sink.count !== head.count) {
    throw fault(head, `${sink.count} values, expected ${countText(head, "")}`);
  }
  lists.checkNesting();
  return sink.take();
}

function sinkOf(reader: JsonReader, head: ElementsHead): ElementSink {
  const { field, dtype, count, stringElementBytesMax } = head;
  if (dtype === "BYTES") return new TextSink({ field, countMax: count, stringElementBytesMax });
  const unread = reader.bytes.length - reader.at;
  // An element and its comma take two bytes at least; memory starts at twice the bytes at most.
  const byBody = Math.min(
    Math.floor(unread / 2),
    Math.ceil((2 * unread) / dtypeTable[dtype].bytes),
  );
  return new NumberSink({ dtype, field, countMax: count, capacity: Math.min(count, byBody) });
}

class ListReader {
  readonly #reader: JsonReader;
  readonly #sink: ElementSink;
  readonly #head: ElementsHead;
  /** Lengths of the first list at each level; all others must have them. At most jsonDepthMax. */
  readonly #sizes: number[] = [];
  /** The level whose lists hold values, once one was met. */
  #leafLevel = -1;

  constructor(reader: JsonReader, sink: ElementSink, head: ElementsHead) {
    this.#reader = reader;
    this.#sink = sink;
    this.#head = head;
  }

  /** Reads the list that was entered, `level` lists deep. */
  readLevel(level: number): void {
    const reader = this.#reader;
    let length = 0;
    if (reader.nextElement()) {
      if (reader.peekByte() === openBracket) length = this.#readLists(level);
      else {
        this.#leafLevel = level;
        length = this.#sink.readRun(reader);
      }
    }
    const first = this.#sizes[level];
    if (first === undefined) this.#sizes[level] = length;
    else if (first !== length) throw this.#ragged(length, first);
  }

  /** Reads a list of lists, standing at its first element; their number. */
  #readLists(level: number): number {
    const reader = this.#reader;
    const { place } = this.#sink;
    const below = level + 1;
    let length = 0;
    do {
      place[level] = length;
      const size = this.#sizes[below];
      if (this.#leafLevel === below && size !== undefined) this.#sink.readRow(reader, size);
      else {
        if (reader.peekByte() !== openBracket) throw this.#notAList();
        reader.enterArray();
        this.readLevel(below);
      }
      length += 1;
    } while (reader.nextElement());
    place.length = level;
    return length;
  }

  /** A nesting as deep as the shape must be the shape. */
  checkNesting(): void {
    const { shape } = this.#head;
    if (shape.length < 2 || this.#sizes.length !== shape.length) return;
    if (this.#sizes.every((size, level) => size === shape[level])) return;
    const nested = `[${this.#sizes.join(",")}]`;
    throw fault(this.#head, `nested as ${nested}, expected [${shape.join(",")}] or a flat list`);
  }

  #path(): string {
    return this.#head.field + this.#sink.place.map((index) => `[${index}]`).join("");
  }

  #ragged(length: number, first: number): ServingError {
    const field = this.#path();
    const message = `${field}: a list of ${length}, expected ${first} as in the lists before it`;
    return new ServingError("INVALID_INPUT", message, { field });
  }

  #notAList(): ServingError {
    const reader = this.#reader;
    const kind = reader.peek();
    if (kind === "invalid" || kind === "end") return reader.unexpected("an array");
    const field = this.#path();
    const message = `${field}: expected a list as before it, got ${reader.shownNext()}`;
    return new ServingError("INVALID_INPUT", message, { field });
  }
}

function refuseHalf(head: ElementsHead): void {
  if (head.dtype !== "FP16" && head.dtype !== "BF16") return;
  throw fault(
    head,
    `${head.dtype} cannot travel in JSON: send it as binary tensor data ` +
      "(parameters.binary_data_size), or send FP32 to a model that takes it",
  );
}

function countText(head: ElementsHead, noun: string): string {
  return `${head.count}${noun} for shape [${head.shape.join(",")}]`;
}

function fault(head: ElementsHead, text: string): ServingError {
  const { field } = head;
  return new ServingError("INVALID_INPUT", `${field}: ${text}`, { field });
}
