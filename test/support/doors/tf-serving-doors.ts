/**
 * TensorFlow Serving's doors, over gRPC and REST, and KServe's first protocol, which is its rows.
 */
import type { Plain } from "../grpc-client.ts";
import { bytesOf, type ClientTensor } from "../oip-client.ts";
import { call, postExact } from "./ask.ts";
import type { Door } from "./door.ts";
import { type Element, flat, jsonElements, nested, protoElements } from "./exact-json.ts";
import { noJson, type Part, type Question, rowsOf, stackedRows, tensorParts } from "./question.ts";

const anything = (): undefined => undefined;
const all = ({ truth }: Question): Part[] => tensorParts(truth);
const json = ({ inputs, truth }: Question): string | undefined => noJson([...inputs, ...truth]);

/** Static: TensorFlow's name and list of each datatype. */
const tensorflow: Readonly<Record<string, readonly [type: string, list: string]>> = {
  FP32: ["DT_FLOAT", "float_val"],
  FP64: ["DT_DOUBLE", "double_val"],
  INT8: ["DT_INT8", "int_val"],
  INT16: ["DT_INT16", "int_val"],
  INT32: ["DT_INT32", "int_val"],
  UINT8: ["DT_UINT8", "int_val"],
  UINT16: ["DT_UINT16", "int_val"],
  INT64: ["DT_INT64", "int64_val"],
  UINT32: ["DT_UINT32", "uint32_val"],
  UINT64: ["DT_UINT64", "uint64_val"],
  BOOL: ["DT_BOOL", "bool_val"],
  FP16: ["DT_HALF", "half_val"],
  BYTES: ["DT_STRING", "string_val"],
};

/** With `isRaw` the elements are in `tensor_content`, where the type may have it. */
function tensorProto(tensor: ClientTensor, isRaw: boolean): Plain {
  const [dtype = "", list = ""] = tensorflow[tensor.datatype] ?? [];
  const isContent = isRaw && tensor.datatype !== "BYTES";
  return {
    dtype,
    tensor_shape: { dim: tensor.shape.map((size) => ({ size })) },
    ...(isContent ? { tensor_content: bytesOf(tensor) } : { [list]: protoElements(tensor) }),
  };
}

function askTensorflow(isRaw: boolean): Door["ask"] {
  return async ({ main }, { model, inputs, truth }) => {
    const reply = await call(main.grpc, "tensorflow.serving.PredictionService/Predict", {
      model_spec: { name: model },
      inputs: Object.fromEntries(inputs.map((each) => [each.name, tensorProto(each, isRaw)])),
    });
    const outputs = reply["outputs"] as Record<string, Plain>;
    expectNames(Object.keys(outputs), truth);
    return truth.map(({ name, datatype }) => ({
      name,
      elements: listElements(outputs[name] ?? {}, datatype),
    }));
  };
}

function expectNames(names: readonly string[], truth: readonly ClientTensor[]): void {
  const [got, wanted] = [names, truth.map(({ name }) => name)].map((each) =>
    each.toSorted().join(),
  );
  if (got !== wanted) throw new Error(`outputs ${got} instead of ${wanted}`);
}

function listElements(output: Plain, datatype: string): Element[] {
  const [dtype, list = ""] = tensorflow[datatype] ?? [];
  if (output["dtype"] !== dtype) throw new Error(`${output["dtype"]} instead of ${dtype}`);
  return (output[list] as (string | number | boolean | Buffer)[]).map((each) => {
    if (Buffer.isBuffer(each)) return each.toString();
    return datatype === "INT64" || datatype === "UINT64" ? BigInt(each) : each;
  });
}

/** Outputs by name, or the only one bare. */
function namedParts(value: unknown, truth: readonly ClientTensor[]): Part[] {
  if (truth.length === 1) return [{ name: truth[0]?.name ?? "", elements: flat(value) }];
  const outputs = value as Plain;
  expectNames(Object.keys(outputs), truth);
  return truth.map(({ name }) => ({ name, elements: flat(outputs[name]) }));
}

function joinRows(rows: readonly unknown[], truth: readonly ClientTensor[]): Part[] {
  const parts = rows.map((row) => namedParts(row, truth));
  return truth.map(({ name }, index) => ({
    name,
    elements: parts.flatMap((each) => each[index]?.elements ?? []),
  }));
}

/** Rows are cut along a first dimension that all outputs must have in common. */
function noRows(question: Question): string | undefined {
  const sizes = new Set(question.truth.map(({ shape }) => shape[0] ?? -1));
  if (sizes.size > 1 || sizes.has(-1)) return "the outputs have no rows in common";
  if (stackedRows(question) === undefined) return "the inputs have no rows in common";
  return json(question);
}

const askRows =
  (server: "main" | "platform"): Door["ask"] =>
  async (servers, question) => {
    const url = `${servers[server].url}/v1/models/${question.model}:predict`;
    const reply = await postExact({
      url,
      body: { instances: stackedRows(question) ?? rowsOf(question) },
    });
    return joinRows(reply["predictions"] as unknown[], question.truth);
  };

/** Each by its name. */
export const tfServingDoors: Readonly<Record<string, Door>> = {
  "TF Serving gRPC, content": { cannot: anything, wanted: all, ask: askTensorflow(true) },
  "TF Serving gRPC, lists": { cannot: anything, wanted: all, ask: askTensorflow(false) },
  "TF Serving REST, columns": {
    ...{ cannot: json, wanted: all },
    ask: async ({ main }, { model, inputs, truth }) => {
      const url = `${main.url}/v1/models/${model}:predict`;
      const named = inputs.map((each) => [each.name, nested(jsonElements(each), each.shape)]);
      const reply = await postExact({ url, body: { inputs: Object.fromEntries(named) } });
      return namedParts(reply["outputs"], truth);
    },
  },
  "TF Serving REST, rows": { cannot: noRows, wanted: all, ask: askRows("main") },
  "KServe v1": { cannot: noRows, wanted: all, ask: askRows("platform") },
};
