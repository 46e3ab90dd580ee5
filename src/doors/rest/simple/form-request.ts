/**
 * From decoded rows to the request that a predictor takes: checked, stepped, with its wanted
 * outputs.
 */
import { ServingError } from "../../../base/index.ts";
import {
  applyTextSteps,
  type FieldNaming,
  type FormedInputs,
  formInputs,
  formSingle,
  type GivenTensor,
  type InputChecks,
  rowNaming,
} from "../../../model/index.ts";
import type { InferenceRequest } from "../../../predict/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import type { SimpleRequest } from "./decode.ts";
import type { SimpleServing } from "./serving.ts";

/** What a request is formed of. */
export type DecodedRows = Pick<SimpleRequest, "tensors" | "items" | "field" | "indexes">;

/** What is known of its version. */
export type RowServing = Pick<SimpleServing, "plan" | "wanted" | "stepped">;

const namings: Readonly<Record<string, FieldNaming>> = {
  features: rowNaming("features", true),
  text: rowNaming("", true),
  "": rowNaming("", true),
  instances: rowNaming("instances", false),
  input_data: rowNaming("input_data", false),
  texts: rowNaming("texts", false),
  inputs: rowNaming("inputs", false),
  examples: rowNaming("examples", false),
  dataframe_records: rowNaming("dataframe_records", false),
  "dataframe_split.data": rowNaming("dataframe_split.data", false),
  line: rowNaming("line", false),
  data: rowNaming("data", true),
};
const anyRow = rowNaming("instances", false);

/** @throws INVALID_INPUT, LIMIT_EXCEEDED */
export function formRequest(
  served: ServedVersion,
  serving: RowServing,
  decoded: DecodedRows,
): InferenceRequest {
  const { checks } = served;
  checkRowCount(served, serving, decoded);
  const known = namings[decoded.field] ?? anyRow;
  const naming = decoded.indexes === undefined ? known : placedNaming(known, decoded.indexes);
  const formed = form(checks, decoded, naming);
  const inputs = serving.stepped.length === 0 ? formed.inputs : stepped(serving, formed);
  return { inputs, items: formed.items, outputs: serving.wanted, parameters: undefined };
}

/** @throws INVALID_INPUT several rows for a model that takes one */
export function checkRowCount(
  served: ServedVersion,
  serving: RowServing,
  decoded: DecodedRows,
): void {
  if (!serving.plan.isBatchable && decoded.items !== 1) throw oneRowOnly(served, decoded);
}

/** Names rows by their places in the caller's list: row `n` here is row `indexes[n]` there. */
function placedNaming(naming: FieldNaming, indexes: readonly number[]): FieldNaming {
  return {
    tensor: naming.tensor,
    element(spec, position, { index, itemElements }) {
      // Without items in the tensor all of it is one row.
      const width = itemElements === 0 ? index + 1 : itemElements;
      const row = Math.floor(index / width);
      const placed = (indexes[row] ?? row) * width + (index % width);
      return naming.element(spec, position, { index: placed, itemElements: width });
    },
  };
}

function form(checks: InputChecks, decoded: DecodedRows, naming: FieldNaming): FormedInputs {
  const only = decoded.tensors[0];
  if (checks.single !== undefined && only !== undefined && only.dtype !== "BYTES") {
    return formSingle(checks, { elements: only.elements, items: decoded.items }, naming);
  }
  const given: GivenTensor[] = [];
  for (let index = 0; index < decoded.tensors.length; index += 1) {
    const tensor = decoded.tensors[index];
    const name = checks.signature.inputs[index]?.name;
    if (tensor !== undefined && name !== undefined) given.push({ name, ...tensor });
  }
  return formInputs(checks, given, naming);
}

function stepped(serving: RowServing, formed: FormedInputs): (Tensor | undefined)[] {
  const inputs = [...formed.inputs];
  for (const { index, spec } of serving.stepped) {
    const tensor = inputs[index];
    if (tensor?.dtype === "BYTES") inputs[index] = applyTextSteps(spec.steps, tensor);
  }
  return inputs;
}

function oneRowOnly(served: ServedVersion, decoded: DecodedRows): ServingError {
  const { layout } = served.signature;
  const why = layout.kind === "none" ? layout.reason : "";
  const message = `${decoded.field}: ${decoded.items} rows, expected 1: ${why}`;
  return new ServingError("INVALID_INPUT", message, { field: decoded.field });
}
