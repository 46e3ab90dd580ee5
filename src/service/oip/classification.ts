/**
 * Turns scores into the best classes, as the classification extension of Triton writes them.
 *
 * Each element is `value:index`, with `:label` behind it where the model knows labels; floats have
 * six decimals. Of equal scores the lower index comes first; NaN comes last.
 */
import { quote, ServingError } from "../../base/index.ts";
import type { OutputSpec } from "../../model/index.ts";
import {
  ByteStrings,
  bfloat16ToNumber,
  float16ToNumber,
  makeTensor,
  type NumericTensor,
  type Tensor,
} from "../../tensor/index.ts";

export interface ClassesWanted {
  readonly spec: OutputSpec;
  /** Best classes of each item, >= 1. */
  readonly classes: number;
  /** The first dimension counts items. */
  readonly hasItems: boolean;
}

/** @throws INVALID_INPUT when the output has no scores */
export function bestClasses(tensor: Tensor, wanted: ClassesWanted): Tensor {
  if (tensor.dtype === "BYTES") {
    const message = `output ${quote(wanted.spec.name)} is BYTES, which has no classes`;
    throw new ServingError("INVALID_INPUT", message, { field: "classification" });
  }
  return best(widened(tensor), wanted);
}

/** FP16 and BF16 as FP32, the others as they are. */
function widened(tensor: NumericTensor): NumericTensor {
  const { dtype, shape, elements } = tensor;
  if (dtype !== "FP16" && dtype !== "BF16") return tensor;
  const read = dtype === "FP16" ? float16ToNumber : bfloat16ToNumber;
  const wide = Float32Array.from(elements as Uint16Array, (pattern) => read(pattern));
  return { dtype: "FP32", shape, elements: wide };
}

function best(tensor: NumericTensor, wanted: ClassesWanted): Tensor {
  const { elements, shape } = tensor;
  const items = wanted.hasItems ? (shape[0] ?? 1) : 1;
  const width = items === 0 ? 0 : elements.length / items;
  const count = Math.min(wanted.classes, width);
  const texts: string[] = [];
  for (let item = 0; item < items; item += 1) {
    for (const place of bestPlaces(tensor, item * width, { width, count })) {
      texts.push(classText(tensor, place, { index: place - item * width, spec: wanted.spec }));
    }
  }
  const bestShape = wanted.hasItems ? [items, count] : [count];
  return makeTensor("BYTES", bestShape, ByteStrings.fromText(texts));
}

/** Places of the `count` best elements among `width` from `from`. */
function bestPlaces(
  { elements }: NumericTensor,
  from: number,
  { width, count }: { readonly width: number; readonly count: number },
): Uint32Array {
  const places = new Uint32Array(width);
  for (let index = 0; index < width; index += 1) places[index] = from + index;
  places.sort((left, right) => {
    const a = elements[left] as number | bigint;
    const b = elements[right] as number | bigint;
    if (a > b) return -1;
    if (a < b) return 1;
    const isLeftNaN = Number.isNaN(a);
    return isLeftNaN === Number.isNaN(b) ? left - right : isLeftNaN ? 1 : -1;
  });
  return places.subarray(0, count);
}

function classText(
  tensor: NumericTensor,
  place: number,
  { index, spec }: { readonly index: number; readonly spec: OutputSpec },
): string {
  const value = tensor.elements[place] as number | bigint;
  const isFloat = tensor.dtype === "FP32" || tensor.dtype === "FP64";
  const shown = isFloat && typeof value === "number" ? floatText(value) : String(value);
  const label = spec.labels?.[index];
  return label === undefined ? `${shown}:${index}` : `${shown}:${index}:${label}`;
}

/** As C's `%f` writes it. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return value.toFixed(6);
}
