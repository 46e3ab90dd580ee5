/**
 * Tensors as a caller has them: a shape and a typed array, or a list of texts.
 *
 * The datatype follows from the kind of array; only BOOL, FP16 and BF16 (which have no array of
 * their own everywhere) and raw bytes must be named.
 */
import { invalidInput } from "../millrace-error.ts";

/** The array that holds each datatype; FP16 and BF16 as their bits. */
export interface ElementsOf {
  readonly BOOL: Uint8Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  readonly FP16: Uint16Array;
  readonly BF16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
  readonly BYTES: readonly string[];
}

/** A datatype of the Open Inference Protocol v2. */
export type Datatype = keyof ElementsOf;

/** A tensor that came back. Texts of a BYTES tensor are decoded as UTF-8. */
export interface TensorOf<D extends Datatype> {
  readonly datatype: D;
  /** One entry a dimension; the first one counts items. */
  readonly shape: readonly number[];
  /** Row-major. BOOL as 0 and 1. Texts are decoded when this is read. */
  readonly data: ElementsOf[D];
  /** Of a BYTES tensor that came as binary: its elements as they are, be they UTF-8 or not. */
  readonly bytes?: readonly Uint8Array[];
}

/** A tensor of any datatype; `datatype` tells which. */
export type Tensor = { [D in Datatype]: TensorOf<D> }[Datatype];

/** A tensor to be sent. */
export interface TensorInput {
  readonly shape: readonly number[];
  /** Row-major; booleans are BOOL, strings and byte arrays BYTES. */
  readonly data: ArrayBufferView | readonly string[] | readonly boolean[] | readonly Uint8Array[];
  /** Needed for FP16, BF16 (a Uint16Array of bits) and BOOL as a Uint8Array. */
  readonly datatype?: Datatype;
}

interface DatatypeRow {
  /** Bytes of one element; 0 for BYTES. */
  readonly bytes: number;
  /** `constructor.name` of the arrays it is taken from. */
  readonly arrays: readonly string[];
}

/** What is known of each datatype. */
export const datatypes: Readonly<Record<Datatype, DatatypeRow>> = {
  BOOL: { bytes: 1, arrays: ["Uint8Array"] },
  INT8: { bytes: 1, arrays: ["Int8Array"] },
  INT16: { bytes: 2, arrays: ["Int16Array"] },
  INT32: { bytes: 4, arrays: ["Int32Array"] },
  INT64: { bytes: 8, arrays: ["BigInt64Array"] },
  UINT8: { bytes: 1, arrays: ["Uint8Array", "Uint8ClampedArray"] },
  UINT16: { bytes: 2, arrays: ["Uint16Array"] },
  UINT32: { bytes: 4, arrays: ["Uint32Array"] },
  UINT64: { bytes: 8, arrays: ["BigUint64Array"] },
  FP16: { bytes: 2, arrays: ["Float16Array", "Uint16Array"] },
  BF16: { bytes: 2, arrays: ["Uint16Array"] },
  FP32: { bytes: 4, arrays: ["Float32Array"] },
  FP64: { bytes: 8, arrays: ["Float64Array"] },
  BYTES: { bytes: 0, arrays: [] },
};

/** True for the name of a datatype. */
export function isDatatype(text: string): text is Datatype {
  return Object.hasOwn(datatypes, text);
}

/** The datatype of each kind of array that needs no name; one entry for each kind. */
const ofArray: ReadonlyMap<string, Datatype> = new Map<string, Datatype>([
  ["Int8Array", "INT8"],
  ["Int16Array", "INT16"],
  ["Int32Array", "INT32"],
  ["BigInt64Array", "INT64"],
  ["Uint8Array", "UINT8"],
  ["Uint8ClampedArray", "UINT8"],
  ["Uint16Array", "UINT16"],
  ["Uint32Array", "UINT32"],
  ["BigUint64Array", "UINT64"],
  ["Float16Array", "FP16"],
  ["Float32Array", "FP32"],
  ["Float64Array", "FP64"],
]);

/** What an array is called (`Float32Array`), also of another realm. A Buffer is a Uint8Array. */
function arrayName(view: ArrayBufferView): string {
  const tag: unknown = Reflect.get(view, Symbol.toStringTag);
  return typeof tag === "string" ? tag : "";
}

/** @throws INVALID_INPUT when data and datatype do not go together */
export function datatypeOf(name: string, input: TensorInput): Datatype {
  const { data, datatype } = input;
  if (!ArrayBuffer.isView(data)) {
    const natural = typeof data[0] === "boolean" ? "BOOL" : "BYTES";
    const isRight = datatype === undefined || datatype === natural || data.length === 0;
    if (!isRight) throw invalidInput(name, `${datatype} wants a typed array, got a list`);
    return datatype ?? natural;
  }
  const array = arrayName(data);
  if (datatype !== undefined) {
    if (datatypes[datatype]?.arrays.includes(array) === true) return datatype;
    const wanted = datatypes[datatype]?.arrays.join(" or ") || "a list";
    throw invalidInput(name, `${datatype} wants ${wanted}, got ${array}`);
  }
  const natural = ofArray.get(array);
  if (natural === undefined) throw invalidInput(name, `expected a typed array, got ${array}`);
  return natural;
}
