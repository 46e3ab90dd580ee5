/**
 * What a declaration needs to know of a model, and nothing of where it was learnt.
 */
import type { ModelPackage } from "../../../model/index.ts";

export interface ColumnShape {
  readonly name: string;
  readonly datatype: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The field may be left out. */
  readonly hasDefault: boolean;
}

export interface InputShape {
  readonly name: string;
  readonly datatype: string;
  /** -1 is any size; the item dimension is included. */
  readonly shape: readonly number[];
  readonly isOptional: boolean;
  readonly columns: readonly ColumnShape[] | undefined;
}

export interface OutputShape {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly role: string;
  /** Texts, or whole numbers as texts. */
  readonly labels: readonly string[] | undefined;
}

export interface ModelShape {
  readonly name: string;
  readonly version: string;
  /** False when a request is one item whatever its shape. */
  readonly isBatchable: boolean;
  readonly inputs: readonly InputShape[];
  readonly outputs: readonly OutputShape[];
}

/** The shape of a package that was read from disk. */
export function shapeOfPackage(pack: ModelPackage): ModelShape {
  const { inputs, outputs, layout } = pack.signature;
  return {
    name: pack.name,
    version: pack.version,
    isBatchable: layout.kind !== "none",
    inputs: inputs.map(({ name, dtype, shape, isOptional, columns }) => ({
      name,
      datatype: dtype,
      shape,
      isOptional,
      columns: columns?.map((column) => ({
        name: column.name,
        datatype: column.dtype,
        min: column.min,
        max: column.max,
        hasDefault: column.default !== undefined,
      })),
    })),
    outputs: outputs.map(({ name, dtype, shape, role, labels }) => ({
      name,
      datatype: dtype,
      shape,
      role,
      labels: labels?.map(String),
    })),
  };
}
