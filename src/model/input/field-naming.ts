/**
 * How a door spells the place of a fault, in the caller's own words.
 *
 * The checks know places as numbers; the Open Inference Protocol calls one `inputs[0] 'features'`,
 * the simple dialect `instances[2].age`. A naming is asked only when something is wrong, so a
 * request that is right pays nothing for it.
 */
import { quote } from "../../base/index.ts";
import type { InputSpec } from "../signature.ts";

export interface FieldNaming {
  /** A whole tensor; `position` is its place in the request. */
  tensor(spec: InputSpec, position: number): string;
  /** One element, by its row-major `index`; `items` is 0 when the tensor has no item dimension. */
  element(spec: InputSpec, position: number, place: ElementPlace): string;
}

export interface ElementPlace {
  /** Row-major index of the element in its tensor. */
  readonly index: number;
  /** Elements of one item, >= 1; 0 when the first dimension does not count items. */
  readonly itemElements: number;
}

/** `inputs[0] 'features'`, `inputs[0] 'features' item 2 column 'age'`. */
export const protocolNaming: FieldNaming = {
  tensor: (spec, position) => `inputs[${position}] ${quote(spec.name)}`,
  element(spec, position, place) {
    const tensor = `inputs[${position}] ${quote(spec.name)}`;
    if (place.itemElements === 0) return `${tensor} element ${place.index}`;
    const item = Math.floor(place.index / place.itemElements);
    if (place.itemElements === 1) return `${tensor} item ${item}`;
    const column = place.index % place.itemElements;
    const name = spec.columns?.[column]?.name;
    const element = name === undefined ? `element ${column}` : `column ${quote(name)}`;
    return `${tensor} item ${item} ${element}`;
  },
};

/**
 * Names for rows: `instances[2].age`, or without a name `instances[2][1]`.
 *
 * @param prefix what holds the rows (`instances`), or the row itself when `isOneRow` (`features`);
 *   an empty prefix names the fields alone (`age`)
 */
export function rowNaming(prefix: string, isOneRow: boolean): FieldNaming {
  return {
    tensor: (spec) => (prefix === "" ? spec.name : `${prefix} (${quote(spec.name)})`),
    element(spec, _position, place) {
      // Without items all of the tensor is one row.
      const width = place.itemElements === 0 ? Number.POSITIVE_INFINITY : place.itemElements;
      const row = isOneRow ? prefix : `${prefix}[${Math.floor(place.index / width)}]`;
      return fieldOfRow(row, spec, place.index % width);
    },
  };
}

function fieldOfRow(row: string, spec: InputSpec, column: number): string {
  const name = spec.columns?.[column]?.name ?? (spec.shape.length < 2 ? spec.name : undefined);
  if (name !== undefined) return row === "" ? name : `${row}.${name}`;
  return row === "" ? `${spec.name}[${column}]` : `${row}[${column}]`;
}
