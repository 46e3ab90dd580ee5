/**
 * Decides from declared shapes whether requests may share a run.
 *
 * Conservative: a first dimension counts as the item dimension only when every input and output
 * has one and they are the same. Unnamed dimensions agree with every name; so do names that
 * exporters make up (`unk__6`, `Gemmoutput_dim_0`), because they differ on every value and say
 * nothing. What this allows is still tried by the probe, which sees recurrent state and wrong
 * declarations.
 */
import { quote } from "../../../base/index.ts";
import type { BatchLayout, TensorSpec } from "../../signature.ts";

/** The layout, with the reason when each request has to run alone. */
export function batchLayoutOf(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
): BatchLayout {
  if (inputs.length === 0) return none("the model takes no input");
  const all = [...inputs, ...outputs];
  const scalar = all.find((each) => each.shape.length === 0);
  if (scalar !== undefined) return none(`${quote(scalar.name)} is a scalar`);
  const fixed = all.find((each) => each.shape[0] !== -1);
  if (fixed === undefined) return dynamicLayout(all);
  const items = fixed.shape[0] ?? 0;
  const other = all.find((each) => each.shape[0] !== items);
  if (other !== undefined) {
    return none(`first dimensions differ: ${describe(fixed)} and ${describe(other)}`);
  }
  if (items < 1) return none(`the first dimension of ${quote(fixed.name)} is ${items}`);
  return { kind: "fixed", items };
}

function dynamicLayout(all: readonly TensorSpec[]): BatchLayout {
  let first: TensorSpec | undefined;
  for (const each of all) {
    if (meaningfulName(each) === undefined) continue;
    first ??= each;
    if (meaningfulName(each) !== meaningfulName(first)) {
      return none(`first dimensions differ: ${describe(first)} and ${describe(each)}`);
    }
  }
  const name = first === undefined ? undefined : meaningfulName(first);
  const bound = all.find((each) => name !== undefined && each.dimNames.lastIndexOf(name) > 0);
  if (bound === undefined || name === undefined) return { kind: "dynamic" };
  return none(
    `the first dimension ${quote(name)} is also an inner dimension of ${quote(bound.name)}`,
  );
}

function none(reason: string): BatchLayout {
  return { kind: "none", reason };
}

function describe(spec: TensorSpec): string {
  const size = spec.shape[0] ?? 0;
  return `${size === -1 ? firstName(spec) : size} of ${quote(spec.name)}`;
}

function firstName(spec: TensorSpec): string {
  const name = spec.dimNames[0];
  return name === undefined ? "any" : quote(name);
}

function meaningfulName(spec: TensorSpec): string | undefined {
  const name = spec.dimNames[0];
  return name === undefined || isMadeUp(name) ? undefined : name;
}

const madeUpStarts = ["unk__", "unk_", "unknown_"];
const madeUpMiddle = "_dim_";

/** True for names that an exporter counts up: `unk__6`, `Concatoutput_dim_1`. */
function isMadeUp(name: string): boolean {
  const start = madeUpStarts.find((each) => name.startsWith(each));
  if (start !== undefined) return isDigits(name.slice(start.length));
  const middle = name.lastIndexOf(madeUpMiddle);
  return middle > 0 && isDigits(name.slice(middle + madeUpMiddle.length));
}

function isDigits(text: string): boolean {
  if (text === "") return false;
  for (const each of text) if (each < "0" || each > "9") return false;
  return true;
}
