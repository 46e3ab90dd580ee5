/**
 * Writes the outputs of a prediction as rows (`predictions`) or as columns (`outputs`).
 *
 * One output stands bare, several are objects by name; outputs named `*_bytes` are base64. In rows
 * the outputs are cut along their first dimension, which must then be the same in all of them.
 */
import { quote, ServingError } from "../../../base/index.ts";
import type { OutputSpec } from "../../../model/index.ts";
import { elementCount, nestedJsonText, type Tensor } from "../../../tensor/index.ts";

export interface OutputsForm {
  readonly specs: readonly OutputSpec[];
  readonly hasBareTokens: boolean;
}

/**
 * `{"predictions":[...]}`
 * @throws OUTPUT_NOT_REPRESENTABLE a value without JSON, or outputs that have no rows in common
 */
export function predictionsBody(outputs: readonly Tensor[], form: OutputsForm): string {
  const rows = rowsOf(outputs, form.specs);
  const texts: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    texts.push(joined(outputs, form, (tensor, spec) => rowText(tensor, { spec, row, form })));
  }
  return `{"predictions":[${texts.join(",")}]}`;
}

/** `{"outputs":...}` @throws OUTPUT_NOT_REPRESENTABLE a value without JSON */
export function outputsBody(outputs: readonly Tensor[], form: OutputsForm): string {
  const whole = (tensor: Tensor, spec: OutputSpec): string =>
    nestedJsonText(
      tensor,
      { from: 0, to: tensor.elements.length, name: spec.name },
      nested(tensor.shape, spec, form),
    );
  return `{"outputs":${joined(outputs, form, whole)}}`;
}

function joined(
  outputs: readonly Tensor[],
  { specs }: OutputsForm,
  textOf: (tensor: Tensor, spec: OutputSpec) => string,
): string {
  const texts = outputs.map((tensor, index) => {
    const spec = specs[index];
    if (spec === undefined) throw ServingError.from(new RangeError("more outputs than specified"));
    return { name: spec.name, text: textOf(tensor, spec) };
  });
  const only = texts[0];
  if (texts.length === 1 && only !== undefined) return only.text;
  return `{${texts.map(({ name, text }) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

function rowText(
  tensor: Tensor,
  { spec, row, form }: { spec: OutputSpec; row: number; form: OutputsForm },
): string {
  const shape = tensor.shape.slice(1);
  const width = elementCount(shape);
  const range = { from: row * width, to: (row + 1) * width, name: spec.name };
  return nestedJsonText(tensor, range, nested(shape, spec, form));
}

function nested(
  shape: readonly number[],
  spec: OutputSpec,
  { hasBareTokens }: OutputsForm,
): Parameters<typeof nestedJsonText>[2] {
  return { shape, hasBareTokens, isBase64: spec.name.endsWith("_bytes") };
}

function rowsOf(outputs: readonly Tensor[], specs: readonly OutputSpec[]): number {
  let rows = -1;
  for (let index = 0; index < outputs.length; index += 1) {
    const own = outputs[index]?.shape[0];
    if (own !== undefined && (rows === -1 || own === rows)) {
      rows = own;
      continue;
    }
    const name = specs[index]?.name ?? "";
    const got = own === undefined ? "is one value" : `has ${own} rows, another one ${rows}`;
    const message = `output ${quote(name)} ${got}: ask for columns ('inputs' in the request)`;
    throw new ServingError("OUTPUT_NOT_REPRESENTABLE", message, { field: name });
  }
  return Math.max(rows, 0);
}
