/**
 * JSON Schemas of what a version takes and gives, from its signature.
 *
 * The same facts that the checks use (names, types, ranges, lengths, defaults), in the words of
 * JSON Schema 2020-12, so that a generated client refuses what the server would refuse.
 */
import type { ColumnSpec, InputSpec, OutputSpec, Signature } from "../../../model/index.ts";
import { makeSimplePlan, type SimplePlan } from "../../../service/index.ts";
import { type Dtype, dtypeTable } from "../../../tensor/index.ts";

/** A JSON Schema as plain data. */
export type JsonSchema = { readonly [key: string]: unknown };

const integerRanges: Readonly<Partial<Record<Dtype, readonly [number, number]>>> = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
};

/** One element of a tensor. */
function elementSchema(dtype: Dtype): JsonSchema {
  const { kind } = dtypeTable[dtype];
  if (kind === "bytes") return { type: "string" };
  if (kind === "bool") return { type: "boolean" };
  if (kind === "float") return { type: "number" };
  const range = integerRanges[dtype];
  if (range === undefined) return { type: "integer", format: dtype.toLowerCase() };
  return { type: "integer", minimum: range[0], maximum: range[1] };
}

function columnSchema(column: ColumnSpec): JsonSchema {
  return {
    ...elementSchema(column.dtype),
    ...(column.min === undefined ? {} : { minimum: column.min }),
    ...(column.max === undefined ? {} : { maximum: column.max }),
    ...(column.default === undefined ? {} : { default: column.default }),
  };
}

function fieldSchema(input: InputSpec): JsonSchema {
  return {
    ...elementSchema(input.dtype),
    ...(input.min === undefined ? {} : { minimum: input.min }),
    ...(input.max === undefined ? {} : { maximum: input.max }),
    ...(input.lengthMin === undefined ? {} : { minLength: input.lengthMin }),
    ...(input.lengthMax === undefined ? {} : { maxLength: input.lengthMax }),
  };
}

function nested(element: JsonSchema, shape: readonly number[]): JsonSchema {
  return shape.reduceRight<JsonSchema>(
    (items, size) => ({
      type: "array",
      items,
      ...(size < 0 ? {} : { minItems: size, maxItems: size }),
    }),
    element,
  );
}

/** One row as a list. */
function rowArraySchema(signature: Signature, plan: SimplePlan): JsonSchema {
  const only = signature.inputs[0];
  if (only === undefined) return { type: "array", maxItems: 0 };
  if (plan.kind === "columns" && only.columns !== undefined) {
    const prefixItems = only.columns.map((column) => ({
      title: column.name,
      ...columnSchema(column),
    }));
    return {
      type: "array",
      prefixItems,
      minItems: prefixItems.length,
      maxItems: prefixItems.length,
    };
  }
  if (plan.kind === "fields") {
    const prefixItems = signature.inputs.map((input) => ({
      title: input.name,
      ...fieldSchema(input),
    }));
    return {
      type: "array",
      prefixItems,
      minItems: prefixItems.length,
      maxItems: prefixItems.length,
    };
  }
  return nested(fieldSchema(only), plan.inputs[0]?.rowShape ?? []);
}

/** One row as an object of named fields, or `undefined` when the signature names none. */
function rowObjectSchema(signature: Signature, plan: SimplePlan): JsonSchema | undefined {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  const columns = plan.kind === "columns" ? signature.inputs[0]?.columns : undefined;
  for (const column of columns ?? []) {
    properties[column.name] = columnSchema(column);
    if (column.default === undefined) required.push(column.name);
  }
  if (plan.kind === "fields" || plan.kind === "text") {
    for (const input of signature.inputs) {
      properties[input.name] = fieldSchema(input);
      if (!input.isOptional) required.push(input.name);
    }
  }
  if (Object.keys(properties).length === 0) return undefined;
  return { type: "object", properties, required, additionalProperties: false };
}

/** All bodies that `POST /predict` takes for this version. */
export function predictBodySchemas(signature: Signature): JsonSchema[] {
  const plan = makeSimplePlan(signature);
  const bodies: JsonSchema[] = [];
  const text = signature.inputs[0];
  if (plan.kind === "text" && text !== undefined) {
    const field = fieldSchema(text);
    bodies.push({ type: "object", properties: { text: field }, required: ["text"] });
  }
  const row = rowArraySchema(signature, plan);
  const object = rowObjectSchema(signature, plan);
  const features = object === undefined ? row : { oneOf: [row, object] };
  const one = { type: "object", properties: { features }, required: ["features"] };
  const instances = { type: "array", items: features };
  bodies.push(one, { type: "object", properties: { instances }, required: ["instances"] });
  if (object !== undefined) bodies.push({ ...object, additionalProperties: true });
  return bodies;
}

/** The body of `POST /v2/models/{model}/infer`. */
export function inferRequestSchema(signature: Signature): JsonSchema {
  const inputs = signature.inputs.map((input) => tensorSchema(input, true));
  return {
    type: "object",
    properties: {
      id: { type: "string" },
      parameters: { type: "object" },
      inputs: { type: "array", items: { anyOf: inputs }, maxItems: inputs.length },
      outputs: { type: "array", items: { type: "object", properties: outputName(signature) } },
    },
    required: ["inputs"],
  };
}

function outputName(signature: Signature): JsonSchema {
  return {
    name: { enum: signature.outputs.map((output) => output.name) },
    parameters: { type: "object" },
  };
}

/** The reply of `POST /v2/models/{model}/infer`. */
export function inferReplySchema(signature: Signature): JsonSchema {
  return {
    type: "object",
    properties: {
      model_name: { type: "string" },
      model_version: { type: "string" },
      id: { type: "string" },
      outputs: {
        type: "array",
        items: { anyOf: signature.outputs.map((output) => tensorSchema(output, false)) },
      },
    },
    required: ["model_name", "model_version", "outputs"],
  };
}

function tensorSchema(spec: InputSpec | OutputSpec, isInput: boolean): JsonSchema {
  const shape = spec.shape.map((size) =>
    size < 0 ? { type: "integer", minimum: 0 } : { const: size },
  );
  return {
    type: "object",
    title: spec.name,
    properties: {
      name: { const: spec.name },
      datatype: { const: spec.dtype },
      shape: isInput
        ? { type: "array", prefixItems: shape, minItems: shape.length, maxItems: shape.length }
        : { type: "array", items: { type: "integer" } },
      parameters: { type: "object" },
      data: { type: "array", description: "Row-major, flat or nested." },
    },
    required: isInput ? ["name", "datatype", "shape"] : ["name", "datatype", "shape", "data"],
  };
}
