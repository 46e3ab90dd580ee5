/**
 * The declared steps on the text of an input, done before the engine sees it.
 *
 * They live outside the graph because string operators there depend on the locale of the machine;
 * these give the same text everywhere. White space is what `String.prototype.trim` takes away.
 */
import { ServingError } from "../../base/index.ts";
import { ByteStrings, type BytesTensor } from "../../tensor/index.ts";
import type { TextStep } from "../column-spec.ts";

/**
 * A tensor of the same shape whose texts went through `steps` in order; the same tensor when there
 * is nothing to do.
 *
 * @throws INVALID_INPUT when an element is not UTF-8
 */
export function applyTextSteps(steps: readonly TextStep[], tensor: BytesTensor): BytesTensor {
  if (steps.length === 0 || tensor.elements.length === 0) return tensor;
  const texts = tensor.elements.toTexts();
  if (typeof texts === "number") {
    const message = `element ${texts}: the bytes are not UTF-8, expected text`;
    throw new ServingError("INVALID_INPUT", message);
  }
  for (let index = 0; index < texts.length; index += 1) {
    let text = texts[index] as string;
    for (const step of steps) text = applyStep(step, text);
    texts[index] = text;
  }
  return { dtype: "BYTES", shape: tensor.shape, elements: ByteStrings.fromText(texts) };
}

function applyStep(step: TextStep, text: string): string {
  switch (step) {
    case "trim":
      return text.trim();
    case "lowercase":
      return text.toLowerCase();
    case "collapse-space":
      return collapseSpace(text);
  }
}

/** Every run of white space becomes one space. */
function collapseSpace(text: string): string {
  let collapsed = "";
  let from = 0;
  let index = 0;
  while (index < text.length) {
    if (!isSpace(text.charCodeAt(index))) {
      index += 1;
      continue;
    }
    collapsed += `${text.slice(from, index)} `;
    while (index < text.length && isSpace(text.charCodeAt(index))) index += 1;
    from = index;
  }
  return from === 0 ? text : collapsed + text.slice(from);
}

/** White space and line ends of ECMA-262, section 12.2 and 12.3. */
function isSpace(code: number): boolean {
  if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) return true;
  if (code < 0xa0) return false;
  if (code >= 0x2000 && code <= 0x200a) return true;
  return rareSpaces.includes(code);
}

const rareSpaces = [0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff];
