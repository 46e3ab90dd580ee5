/**
 * A body for `POST /predict` that this version answers, for its details and the docs page.
 *
 * Taken from the sample that was run when the version was loaded, so it is never made up.
 */
import type { ServedVersion } from "../../../service/index.ts";
import { makeSimplePlan } from "../../../service/index.ts";
import { sliceItems, type Tensor } from "../../../tensor/index.ts";

const exampleElementsMax = 256;

/** The body, or `undefined` when its tensors are too large or cannot travel in JSON. */
export function exampleRequest(served: ServedVersion): object | undefined {
  const plan = makeSimplePlan(served.signature);
  const rows = served.sample.inputs.map((tensor) => {
    if (tensor === undefined || !plan.isBatchable) return tensor;
    return sliceItems(tensor, 0, 1);
  });
  const values = rows.map((tensor) => (tensor === undefined ? undefined : elements(tensor)));
  if (values.includes(undefined)) return undefined;
  const first = values[0] ?? [];
  const isShort = values.every((list) => (list?.length ?? 0) <= exampleElementsMax);
  if (!isShort) return undefined;
  if (plan.kind === "text") return { text: first[0] };
  if (plan.kind === "columns" && plan.fieldNames.length === 0) return { features: first };
  if (plan.kind === "columns") return Object.fromEntries(named(plan.fieldNames, first));
  if (plan.kind === "tensor") return undefined;
  const isFlat = plan.inputs.every((input) => input.rowElements === 1);
  if (!isFlat) return undefined;
  const cells = values.map((list) => list?.[0]);
  return { features: Object.fromEntries(named(plan.fieldNames, cells)) };
}

function named(names: readonly string[], values: readonly unknown[]): [string, unknown][] {
  return names.map((name, index) => [name, values[index]]);
}

function elements(tensor: Tensor): unknown[] | undefined {
  if (tensor.dtype === "FP16" || tensor.dtype === "BF16") return undefined;
  if (tensor.dtype === "BYTES") {
    const texts = tensor.elements.toTexts();
    return typeof texts === "number" ? undefined : texts;
  }
  return Array.from(tensor.elements as ArrayLike<number | bigint>, (value) =>
    typeof value === "bigint" ? Number(value) : Number(value.toPrecision(7)),
  );
}
