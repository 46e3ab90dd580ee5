/**
 * Inputs for a model about which nothing but its signature is known.
 *
 * Free dimensions are 1, numbers are small and differ from element to element, so that a model
 * that mixes its items shows it; integers stay within a tiny vocabulary, texts are short. The
 * values are a function of the seed and nothing else.
 */
import { type Random, seededRandom } from "../base/index.ts";
import type { InputSpec, Signature } from "../model/index.ts";
import {
  ByteStrings,
  type Dtype,
  dtypeTable,
  elementCount,
  makeTensor,
  type NumericArray,
  type NumericDtype,
  newNumericArray,
  type Tensor,
} from "../tensor/index.ts";

export interface MadeUp {
  /** Size of the item dimension, where there is one. */
  readonly items: number;
  readonly seed: number;
  /** Free dimensions take the sizes that these tensors have. */
  readonly like?: readonly (Tensor | undefined)[];
}

/** One tensor for each required input, `undefined` for the optional ones. */
export function madeUpInputs(signature: Signature, made: MadeUp): (Tensor | undefined)[] {
  const random = seededRandom(made.seed);
  const hasItems = signature.layout.kind !== "none";
  return signature.inputs.map((spec, index) => {
    if (spec.isOptional) return undefined;
    const like = made.like?.[index]?.shape;
    const shape = spec.shape.map((size, dimension) => {
      if (dimension === 0 && hasItems) return made.items;
      return size >= 0 ? size : (like?.[dimension] ?? 1);
    });
    return makeTensor(spec.dtype, shape, elementsFor(spec, elementCount(shape), random));
  });
}

function elementsFor(spec: InputSpec, count: number, random: Random): NumericArray | ByteStrings {
  if (spec.dtype === "BYTES") {
    const length = Math.max(1, spec.lengthMin ?? 1);
    // Digits are a word, a category and a number, whichever the model makes of its texts.
    const text = (): string => String(1 + Math.floor(random.next() * 9)).repeat(length);
    return ByteStrings.fromText(Array.from({ length: count }, text));
  }
  const elements = newNumericArray(spec.dtype, count);
  const columns = spec.columns;
  for (let index = 0; index < count; index += 1) {
    const column = columns?.[index % columns.length];
    const low = column?.min ?? spec.min;
    const high = column?.max ?? spec.max;
    const isWhole = column !== undefined && dtypeTable[column.dtype].kind !== "float";
    set(elements, index, valueFor(spec.dtype, { low, high, isWhole, draw: random.next() }));
  }
  return elements;
}

interface Draw {
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly isWhole: boolean;
  /** In [0, 1). */
  readonly draw: number;
}

function valueFor(dtype: Dtype, { low, high, isWhole, draw }: Draw): number {
  if (dtype === "FP16" || dtype === "BF16") return halfBits(dtype, draw);
  const { kind } = dtypeTable[dtype];
  if (kind === "bool") return draw < 0.5 ? 0 : 1;
  const from = low ?? 0;
  const to = high ?? from + (kind === "integer" ? 2 : 1);
  const value = from + (to - from) * draw;
  return kind === "integer" || isWhole ? Math.floor(value) : value;
}

/** Bits of a half between 1 and 2: the draw as the mantissa. */
function halfBits(dtype: NumericDtype, draw: number): number {
  if (dtype === "FP16") return 0x3c00 | Math.floor(draw * 1024);
  return 0x3f80 | Math.floor(draw * 128);
}

function set(elements: NumericArray, index: number, value: number): void {
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    elements[index] = BigInt(value);
  } else elements[index] = value;
}
