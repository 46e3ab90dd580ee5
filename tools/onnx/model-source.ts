/**
 * What a hand-written ONNX model is made of, as plain objects.
 *
 * Close to onnx.proto, with shorter names. Nothing is checked, so that wrong models can be written
 * too. `builder.ts` turns it into bytes, `models.ts` holds the ready-made ones.
 */

/** ONNX numbers of the element types that a tensor can be written with, or any raw number. */
export const elementTypes = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
} as const;

/** A dtype by name, or the ONNX number of an exotic one (17 = float8e4m3fn, 22 = int4). */
export type ElementType = keyof typeof elementTypes | number;

/** A number is a size, a string a named dynamic dimension, `null` an unnamed one. */
type Dimension = number | string | null;

export type ValueType =
  | { readonly tensor: ElementType; readonly shape?: readonly Dimension[] | undefined }
  | { readonly sparse: ElementType; readonly shape?: readonly Dimension[] | undefined }
  | { readonly sequence: ValueType }
  | { readonly map: readonly [key: ElementType, value: ValueType] }
  | { readonly optional: ValueType };

/** A graph input or output. */
export interface ValueSource {
  readonly name: string;
  /** `undefined` leaves the type away. */
  readonly type: ValueType | undefined;
}

export interface TensorSource {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Elements; a typed array is written as its raw bytes. Left away for external tensors. */
  readonly values?: readonly (number | bigint | string)[] | ArrayBufferView;
  /** Keys and values of `external_data` in order (`location`, `offset`, `length`). */
  readonly external?: readonly (readonly [key: string, value: string])[];
}

/** One attribute: exactly one key says its kind. */
type AttributeSource =
  | { readonly int: number | bigint }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly tensor: TensorSource }
  | { readonly graph: GraphSource };

export interface NodeSource {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeSource>>;
}

export interface GraphSource {
  readonly name?: string;
  readonly nodes: readonly NodeSource[];
  readonly inputs: readonly ValueSource[];
  readonly outputs: readonly ValueSource[];
  readonly initializers?: readonly TensorSource[];
}

/** A function of the model itself, called by a node of the same domain and name. */
interface FunctionSource {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeSource[];
  readonly opsets: Readonly<Record<string, number>>;
}

export interface ModelSource extends GraphSource {
  /** Domain to version; "" is ai.onnx. Default `{ "": 17, "ai.onnx.ml": 3 }`. */
  readonly opsets?: Readonly<Record<string, number>>;
  /** Default 8. */
  readonly irVersion?: number;
  readonly producer?: readonly [name: string, version: string];
  readonly domain?: string;
  readonly modelVersion?: number;
  readonly doc?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly functions?: readonly FunctionSource[];
}
