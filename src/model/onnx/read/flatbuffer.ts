/**
 * Reads flatbuffer tables with every offset checked against the file.
 *
 * Only what `.ort` files need. Offsets come from the file and may point anywhere, also back, so
 * depth and counts are bounded by the caller.
 * @see https://flatbuffers.dev/internals/
 */

/** One table; a field is asked for by its slot, in the order of the schema. */
export class FlatTable {
  readonly #view: DataView;
  readonly #position: number;
  readonly #vtable: number;

  private constructor(view: DataView, position: number) {
    this.#view = view;
    this.#position = position;
    this.#vtable = position - view.getInt32(position, true);
  }

  /** The root table of a file. @throws RangeError when an offset leaves the file */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Where the field lies, or `undefined` when it has its default. */
  #field(slot: number): number | undefined {
    const size = this.#view.getUint16(this.#vtable, true);
    const entry = 4 + slot * 2;
    if (entry + 2 > size) return undefined;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : this.#position + offset;
  }

  #target(slot: number): number | undefined {
    const at = this.#field(slot);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }

  byte(slot: number): number {
    const at = this.#field(slot);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  int32(slot: number): number {
    const at = this.#field(slot);
    return at === undefined ? 0 : this.#view.getInt32(at, true);
  }

  int64(slot: number): bigint {
    const at = this.#field(slot);
    return at === undefined ? 0n : this.#view.getBigInt64(at, true);
  }

  /** "" when absent. */
  string(slot: number): string {
    const at = this.#target(slot);
    return at === undefined ? "" : this.#stringAt(at);
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#target(slot);
    return at === undefined ? undefined : new FlatTable(this.#view, at);
  }

  /** Elements of a vector; 0 when absent. */
  count(slot: number): number {
    const at = this.#target(slot);
    return at === undefined ? 0 : this.#view.getUint32(at, true);
  }

  /** Tables of a vector. @throws RangeError past `max` */
  tables(slot: number, max: number): readonly FlatTable[] {
    return this.#elements(slot, max, 4).map(
      (at) => new FlatTable(this.#view, at + this.#view.getUint32(at, true)),
    );
  }

  /** Strings of a vector. @throws RangeError past `max` */
  strings(slot: number, max: number): readonly string[] {
    return this.#elements(slot, max, 4).map((at) =>
      this.#stringAt(at + this.#view.getUint32(at, true)),
    );
  }

  /** Whole numbers of a vector. @throws RangeError past `max` */
  ints(slot: number, max: number): readonly bigint[] {
    return this.#elements(slot, max, 8).map((at) => this.#view.getBigInt64(at, true));
  }

  #elements(slot: number, max: number, size: number): number[] {
    const at = this.#target(slot);
    if (at === undefined) return [];
    const count = this.#view.getUint32(at, true);
    if (count > max || at + 4 + count * size > this.#view.byteLength) {
      throw new RangeError("vector leaves the file");
    }
    return Array.from({ length: count }, (_, index) => at + 4 + index * size);
  }

  #stringAt(at: number): string {
    const length = this.#view.getUint32(at, true);
    const { buffer, byteOffset, byteLength } = this.#view;
    if (at + 4 + length > byteLength) throw new RangeError("string leaves the file");
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset + at + 4, length));
  }
}
