/**
 * Writes what a slice of a stream gave to an HTTP reply, item by item, many in one write.
 *
 * Text is made of a slice only as the reader takes it: tensors are smaller than their text.
 */
import type { FlowSink } from "../../../service/index.ts";
import type { ReplyStream } from "../http/carrier.ts";

/** Characters of one write; a longer item goes out alone. */
const writeLengthMin = 64 * 1024;

export interface ItemText<Item> {
  /** The text of an item. */
  of(item: Item): string;
  /** What goes out behind the items of a write, or "". */
  behind?(): string;
}

export class TextSink<Item> implements FlowSink<readonly Item[]> {
  readonly #response: ReplyStream;
  readonly #text: ItemText<Item>;
  /** Where the slice that is being written goes on. */
  #at = 0;
  #taken: () => void = () => {};

  constructor(response: ReplyStream, text: ItemText<Item>) {
    this.#response = response;
    this.#text = text;
  }

  get unreadBytes(): number {
    return this.#response.writableLength;
  }

  onTaken(act: () => void): void {
    this.#taken = act;
  }

  write(items: readonly Item[]): boolean {
    let text = "";
    while (this.#at < items.length && text.length < writeLengthMin) {
      text += this.#text.of(items[this.#at] as Item);
      this.#at += 1;
    }
    const isLast = this.#at === items.length;
    if (isLast) this.#at = 0;
    this.send(text + (this.#text.behind?.() ?? ""));
    return isLast;
  }

  send(text: string): void {
    if (text !== "") this.#response.write(text, () => this.#taken());
  }
}
