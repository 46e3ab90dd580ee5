/**
 * Models that nobody wrote: a graph drawn from a seed, of real operators and dtypes put together
 * at random, so that some are sound, most are wrong, and a few are wrong in ways nobody thought of.
 */
import type { Random } from "../../src/base/index.ts";
import { writeModel } from "../../tools/onnx/builder.ts";
import {
  type ElementType,
  elementTypes,
  type NodeSource,
  type ValueSource,
  type ValueType,
} from "../../tools/onnx/model-source.ts";

const operators: readonly string[] = [
  ...["Identity", "Add", "Mul", "Div", "MatMul", "Relu", "Softmax", "Concat", "Reshape", "Cast"],
  ...["Gather", "ReduceSum", "ArgMax", "Transpose", "Squeeze", "Shape", "Where", "Equal", "Not"],
  ...["Loop", "If", "Constant", "TopK", "Split", "SequenceAt", "StringNormalizer", "Unknown"],
];
const dtypes: readonly ElementType[] = [...Object.values(elementTypes), 0, 17, 22, 99];
const sizes: readonly (number | string | null)[] = [0, 1, 2, 3, 7, -1, 2 ** 31, "batch", "n", null];
const longs: readonly bigint[] = [0n, 1n, -1n, 7n, 2n ** 31n, 2n ** 63n - 1n];

function whole(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[whole(random, from.length)];
  if (picked === undefined) throw new RangeError("nothing to pick from");
  return picked;
}

function many<T>(random: Random, countMax: number, make: (index: number) => T): T[] {
  return Array.from({ length: whole(random, countMax + 1) }, (_, index) => make(index));
}

function typeOf(random: Random): ValueType | undefined {
  const tensor = pick(random, dtypes);
  const shape = many(random, 4, () => pick(random, sizes) ?? null);
  const kind = random.next();
  // Most values are plain tensors: the rest is refused early.
  if (kind < 0.8) return { tensor: kind < 0.6 ? 1 : tensor, shape: kind < 0.7 ? shape : undefined };
  if (kind < 0.84) return { sparse: tensor, shape };
  if (kind < 0.88) return { sequence: { tensor, shape } };
  if (kind < 0.92) return { map: [tensor, { tensor, shape }] };
  return kind < 0.96 ? { optional: { tensor, shape } } : undefined;
}

function nodeOf(random: Random, names: string[]): NodeSource {
  const inputs = many(random, 3, () => (random.next() < 0.05 ? "" : pick(random, names)));
  const outputs = Array.from({ length: 1 + whole(random, 2) }, (_, index) => {
    return random.next() < 0.03 ? pick(random, names) : `v${names.length + index}`;
  });
  names.push(...outputs);
  const attributes = Object.fromEntries(
    many(random, 2, () => {
      const name = pick(random, ["axis", "to", "perm", "axes", "keepdims", "value", "body"]);
      const numbers = many(random, 3, () => pick(random, longs));
      const single = { int: pick(random, longs) };
      return [name, random.next() < 0.5 ? single : { ints: numbers }] as const;
    }),
  );
  const domain = random.next() < 0.9 ? "" : pick(random, ["ai.onnx.ml", "com.microsoft", "x.y"]);
  return { op: pick(random, operators), domain, inputs, outputs, attributes };
}

/** The bytes of a model. */
export function generatedModel(random: Random): Uint8Array<ArrayBuffer> {
  const inputs: ValueSource[] = [{ name: "x", type: typeOf(random) }];
  inputs.push(...many(random, 2, (index) => ({ name: `x${index}`, type: typeOf(random) })));
  const initializers = many(random, 2, (index) => {
    const shape = many(random, 2, () => whole(random, 4));
    const count = shape.reduce((product, size) => product * size, 1);
    // Now and then fewer or more elements than the shape says.
    const length = random.next() < 0.9 ? count : whole(random, 9);
    const values = new Array<number>(length).fill(index);
    return { name: `w${index}`, type: pick(random, [1, 6, 7, 9] as const), shape, values };
  });
  const names = [...inputs, ...initializers].map(({ name }) => name);
  const nodes = Array.from({ length: 1 + whole(random, 6) }, () => nodeOf(random, names));
  const outputs = Array.from({ length: 1 + whole(random, 3) }, () => {
    const name = random.next() < 0.95 ? (names.at(-1 - whole(random, 3)) ?? "x") : "nowhere";
    return { name, type: typeOf(random) };
  });
  const opsets = { "": pick(random, [1, 7, 13, 17, 21, 99]), "ai.onnx.ml": 3 };
  return writeModel({ nodes, inputs, outputs, initializers, opsets });
}
