/**
 * Gives each input its elements, those of the binary part included.
 *
 * The tensors lie in the binary part in the order of the JSON, without padding, and must use it up
 * exactly: a byte too many or too few is the mark of a header that belongs to another body.
 */
import { quote, ServingError } from "../../base/index.ts";
import { readBinary } from "../binary/read-binary.ts";
import type { ByteStrings } from "../byte-strings.ts";
import type { Dtype } from "../dtype.ts";
import type { NumericArray } from "../numeric-array.ts";
import type { OipInput } from "./oip-request.ts";

/** An input with all its elements. */
export interface OipTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly elements: NumericArray | ByteStrings;
}

/**
 * @param bytes what follows the JSON; empty when nothing does
 * @throws INVALID_REQUEST when the announced sizes are not the size of the part
 * @throws INVALID_INPUT when a tensor's size is not that of its datatype and shape
 */
export function withBinaryPart(
  inputs: readonly OipInput[],
  bytes: Uint8Array,
): readonly OipTensor[] {
  checkSizes(inputs, bytes.length);
  const tensors: OipTensor[] = [];
  let at = 0;
  for (let position = 0; position < inputs.length; position += 1) {
    const { name, dtype, shape, elements, binaryBytes } = inputs[position] as OipInput;
    if (binaryBytes === undefined) {
      if (elements === undefined) throw new RangeError("an input has no elements");
      tensors.push({ name, dtype, shape, elements });
      continue;
    }
    const part = bytes.subarray(at, at + binaryBytes);
    at += binaryBytes;
    const field = `inputs[${position}] ${quote(name)}`;
    tensors.push({ name, dtype, shape, elements: readBinary(part, { field, dtype, shape }) });
  }
  return tensors;
}

function checkSizes(inputs: readonly OipInput[], bytes: number): void {
  let announced = 0;
  for (const input of inputs) announced += input.binaryBytes ?? 0;
  if (announced === bytes) return;
  const message =
    `the binary part of the body has ${bytes} bytes, expected ${announced}, ` +
    "the sum of the inputs' parameters.binary_data_size";
  throw new ServingError("INVALID_REQUEST", message, { field: "binary_data_size" });
}
