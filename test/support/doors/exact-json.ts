/**
 * JSON that loses nothing of a tensor: nested lists out, elements with all their digits in.
 */
import type { ClientTensor } from "../oip-client.ts";

export type Element = number | bigint | string | boolean;

/** JSON text of anything; whole numbers of 64 bits with all digits, -0 with its sign. */
export function exactText(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Object.is(value, -0) ? "-0.0" : String(value);
  if (Array.isArray(value)) return `[${value.map(exactText).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const given = Object.entries(value).filter(([, each]) => each !== undefined);
    const members = given.map(([key, each]) => `${JSON.stringify(key)}:${exactText(each)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Parses JSON; whole numbers that a double cannot hold become bigints. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, exactNumber);
}

function exactNumber(
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  const isWhole = !["e", "E", "."].some((mark) => source.includes(mark));
  return isWhole && source !== "" ? BigInt(source) : value;
}

/** The elements as JSON has them: booleans for BOOL. */
export function jsonElements({ datatype, values }: ClientTensor): Element[] {
  return datatype === "BOOL" ? values.map((value) => Number(value) !== 0) : [...values];
}

/** A tensor as nested lists of its shape; a scalar as its value. */
export function nested(elements: readonly Element[], shape: readonly number[]): unknown {
  const [size, ...inner] = shape;
  if (size === undefined) return elements[0];
  const step = inner.reduce((product, each) => product * each, 1);
  return Array.from({ length: size }, (_, index) =>
    nested(elements.slice(index * step, (index + 1) * step), inner),
  );
}

/** The elements of nested lists in order. */
export function flat(value: unknown): Element[] {
  const found: Element[] = [];
  const walk = (each: unknown): void => {
    if (Array.isArray(each)) for (const inner of each) walk(inner);
    else found.push(each as Element);
  };
  walk(value);
  return found;
}

/** Elements as the gRPC library takes them: 64-bit numbers as text, texts as bytes. */
export function protoElements(tensor: ClientTensor): unknown[] {
  return jsonElements(tensor).map((each) => {
    if (typeof each === "bigint") return each.toString();
    return tensor.datatype === "BYTES" ? Buffer.from(String(each)) : each;
  });
}
