/**
 * Turns JSON values into the elements of a tensor, slowly and exactly.
 *
 * For samples only; requests go through the number reader of the tensor room. Integers are whole
 * numbers up to 2^53 or strings of digits of any size, because JSON's own numbers are rounded
 * above. NaN and the infinities are the strings `NaN`, `Infinity`, `-Infinity`. FP16 and BF16 are
 * given as bit patterns, whole numbers from 0 to 65535.
 */
import { quote, ServingError } from "../../../base/index.ts";
import {
  ByteStrings,
  type Dtype,
  type NumericArray,
  newNumericArray,
} from "../../../tensor/index.ts";
import { dtypeRange, isWholeDtype } from "../../input/dtype-range.ts";

const depthMax = 64;

/**
 * The elements of nested or flat JSON lists, row-major.
 *
 * @throws MODEL_INVALID naming `place`
 */
export function elementsOfJson(
  dtype: Dtype,
  value: unknown,
  place: string,
): NumericArray | ByteStrings {
  const flat: unknown[] = [];
  flatten(value, flat, { place, depth: 0 });
  if (dtype === "BYTES") {
    return ByteStrings.fromText(
      flat.map((each) => {
        if (typeof each === "string") return each;
        throw fault(place, each, "a string");
      }),
    );
  }
  const elements = newNumericArray(dtype, flat.length);
  flat.forEach((each, index) => {
    elements[index] = numberOf(dtype, each, place);
  });
  return elements;
}

function flatten(
  value: unknown,
  into: unknown[],
  at: { readonly place: string; readonly depth: number },
): void {
  if (!Array.isArray(value)) {
    if (at.depth === 0) throw fault(at.place, value, "a list");
    into.push(value);
    return;
  }
  if (at.depth >= depthMax) throw fault(at.place, value, `at most ${depthMax} levels`);
  const below = { place: at.place, depth: at.depth + 1 };
  for (const each of value) flatten(each, into, below);
}

function numberOf(dtype: Dtype, value: unknown, place: string): number | bigint {
  if (dtype === "INT64" || dtype === "UINT64") return bigOf(dtype, value, place);
  if (dtype === "FP16" || dtype === "BF16") return wholeOf([0, 65_535], value, place);
  if (dtype === "BOOL" && typeof value === "boolean") return Number(value);
  if (isWholeDtype(dtype)) return wholeOf(dtypeRange(dtype), value, place);
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  throw fault(place, value, `a number (${dtype})`);
}

function wholeOf(range: readonly [number, number], value: unknown, place: string): number {
  const isWhole = typeof value === "number" && Number.isInteger(value);
  if (isWhole && value >= range[0] && value <= range[1]) return value;
  throw fault(place, value, `a whole number from ${range[0]} to ${range[1]}`);
}

function bigOf(dtype: "INT64" | "UINT64", value: unknown, place: string): bigint {
  const expected = `a whole number below 2^53 or a string of digits (${dtype})`;
  const isExact = typeof value === "number" ? Number.isSafeInteger(value) : isDigits(value);
  if (!isExact) throw fault(place, value, expected);
  const big = BigInt(value as number | string);
  const cut = dtype === "INT64" ? BigInt.asIntN(64, big) : BigInt.asUintN(64, big);
  if (cut === big) return big;
  throw fault(place, value, expected);
}

/** An optional minus and 1 to 20 digits. */
function isDigits(value: unknown): boolean {
  if (typeof value !== "string") return false;
  const digits = value.startsWith("-") ? value.slice(1) : value;
  if (digits.length === 0 || digits.length > 20) return false;
  return [...digits].every((each) => each >= "0" && each <= "9");
}

function fault(place: string, value: unknown, expected: string): ServingError {
  const got =
    typeof value === "object" ? (value === null ? "null" : "a list or object") : String(value);
  return new ServingError("MODEL_INVALID", `${place}: got ${quote(got)}, expected ${expected}`);
}
