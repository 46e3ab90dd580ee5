/**
 * Elements of a tensor as JSON text: one, a run of them, or rows.
 *
 * A few elements are joined as strings; many are written as bytes and become one string at the end.
 */
import type { ByteStrings } from "../byte-strings.ts";
import type { NumericTensor, Tensor } from "../tensor.ts";
import { type ElementRange, JsonWriter, numberText, stringText } from "./json-writer.ts";

/** Up to this many elements strings are faster; measured by `bench/micro/codecs.ts`. */
const joinedMax = 16;
/** First room for an element, byte. */
const elementBytes = 12;

/**
 * Element `index` as JSON.
 * @param name the output's name, for the message
 * @throws OUTPUT_NOT_REPRESENTABLE NaN, an infinity, FP16, BF16 or bytes that are not UTF-8
 */
export function elementJsonText(tensor: Tensor, index: number, name: string): string {
  if (tensor.dtype === "BYTES") return stringText(tensor.elements as ByteStrings, index, name);
  return numberText(tensor as NumericTensor, index, name);
}

/**
 * Elements of a range with commas between them, without brackets; "" for none.
 * @throws OUTPUT_NOT_REPRESENTABLE as `elementJsonText`
 */
export function elementsJsonText(tensor: Tensor, range: ElementRange): string {
  const { from, to, name } = range;
  if (to - from > joinedMax) {
    const writer = new JsonWriter((to - from) * elementBytes);
    writer.elements(tensor, range);
    return writer.takeText();
  }
  if (from >= to) return "";
  let text = elementJsonText(tensor, from, name);
  for (let index = from + 1; index < to; index += 1) {
    text += `,${elementJsonText(tensor, index, name)}`;
  }
  return text;
}

/**
 * A range cut into lists of `width` elements: `[1,2],[3,4]`; "" for none.
 * REQUIRES: `width` >= 1 and the range is whole rows.
 * @throws OUTPUT_NOT_REPRESENTABLE as `elementJsonText`
 */
export function rowsJsonText(tensor: Tensor, range: ElementRange, width: number): string {
  const { from, to, name } = range;
  const writer = new JsonWriter((to - from) * elementBytes);
  for (let row = from; row < to; row += width) {
    writer.text(row === from ? "[" : ",[");
    writer.elements(tensor, { from: row, to: row + width, name });
    writer.text("]");
  }
  return writer.takeText();
}
