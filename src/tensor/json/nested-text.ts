/**
 * A tensor, or some of its items, as JSON lists nested as the shape says.
 *
 * The innermost lists are written in one go; nothing is built in between. What JSON cannot say is
 * refused, unless the dialect has a way to say it: bare tokens for NaN, base64 for bytes.
 */
import type { ByteStrings } from "../byte-strings.ts";
import type { Tensor } from "../tensor.ts";
import { bareTokenText } from "./bare-token.ts";
import { elementJsonText } from "./element-text.ts";
import { type ElementRange, JsonWriter } from "./json-writer.ts";

export interface NestedForm {
  /** Sizes of the lists, outermost first; [] for one bare value. */
  readonly shape: readonly number[];
  /** Writes `NaN`, `Infinity` and `-Infinity` instead of refusing them. */
  readonly hasBareTokens: boolean;
  /** Writes BYTES as `{"b64":"..."}`. */
  readonly isBase64: boolean;
}

/** First room for an element, byte. */
const elementBytes = 12;

/**
 * The elements of `range` as nested lists.
 * REQUIRES: the range holds as many elements as `form.shape` has.
 * @throws OUTPUT_NOT_REPRESENTABLE a value that the form cannot say
 */
export function nestedJsonText(tensor: Tensor, range: ElementRange, form: NestedForm): string {
  const lists = new NestedWriter(tensor, range, form);
  lists.writeLevel(0);
  return lists.takeText();
}

class NestedWriter {
  readonly #tensor: Tensor;
  readonly #name: string;
  readonly #form: NestedForm;
  readonly #writer: JsonWriter;
  #at: number;

  constructor(tensor: Tensor, { from, to, name }: ElementRange, form: NestedForm) {
    this.#tensor = tensor;
    this.#name = name;
    this.#form = form;
    this.#at = from;
    this.#writer = new JsonWriter((to - from) * elementBytes);
  }

  takeText(): string {
    return this.#writer.takeText();
  }

  writeLevel(level: number): void {
    const size = this.#form.shape[level];
    if (size === undefined) {
      this.#elements(1);
      return;
    }
    this.#writer.text("[");
    if (level === this.#form.shape.length - 1) this.#elements(size);
    else {
      for (let index = 0; index < size; index += 1) {
        if (index > 0) this.#writer.text(",");
        this.writeLevel(level + 1);
      }
    }
    this.#writer.text("]");
  }

  #elements(count: number): void {
    const from = this.#at;
    const to = from + count;
    this.#at = to;
    const { dtype } = this.#tensor;
    const isFloat = dtype === "FP32" || dtype === "FP64";
    const isOwn = dtype === "BYTES" ? this.#form.isBase64 : isFloat && this.#form.hasBareTokens;
    if (!isOwn) {
      this.#writer.elements(this.#tensor, { from, to, name: this.#name });
      return;
    }
    for (let index = from; index < to; index += 1) {
      if (index > from) this.#writer.text(",");
      this.#writer.text(this.#ownText(index));
    }
  }

  /** An element in the dialect's own spelling. */
  #ownText(index: number): string {
    const tensor = this.#tensor;
    if (tensor.dtype === "BYTES") {
      const bytes = Buffer.from((tensor.elements as ByteStrings).at(index));
      return `{"b64":"${bytes.toString("base64")}"}`;
    }
    const value = Number(tensor.elements[index]);
    return Number.isFinite(value)
      ? elementJsonText(tensor, index, this.#name)
      : bareTokenText(value);
  }
}
