/** Interim. */
import type { Tensor } from "../tensor.ts";
export function elementJsonText(tensor: Tensor, index: number, _name: string): string {
  if (tensor.dtype === "BYTES") return JSON.stringify(tensor.elements.textAt(index));
  return String(tensor.elements[index]);
}
