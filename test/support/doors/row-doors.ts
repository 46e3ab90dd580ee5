/**
 * The doors of rows: what they say of a model is its prediction and, where it has any, its scores.
 */
import type { Plain } from "../grpc-client.ts";
import { call, onSocket, postExact, postText, throwError } from "./ask.ts";
import type { Door } from "./door.ts";
import { type Element, exactText, flat, jsonElements, nested, parseExact } from "./exact-json.ts";
import {
  isHalf,
  isOneList,
  noJson,
  type Part,
  type Question,
  rowCount,
  rowElements,
  rowParts,
  rowShape,
  rowsOf,
  shownOutputs,
} from "./question.ts";

/** Rows of anything that JSON has, answered by prediction and scores. */
export function rows(question: Question): string | undefined {
  const { prediction, scores } = shownOutputs(question);
  return noJson([...question.inputs, prediction, scores]);
}

const predictionOnly = (question: Question): Part[] =>
  rowParts(question).filter(({ name }) => name === "prediction");

/** `predictions` and `probabilities` side by side. */
export function batchParts(reply: Plain): Part[] {
  const scores = reply["probabilities"];
  const prediction = { name: "prediction", elements: flat(reply["predictions"]) };
  if (scores === undefined) return [prediction];
  return [prediction, { name: "scores", elements: flat(scores) }];
}

const bareParts = (value: unknown): Part[] => [{ name: "prediction", elements: flat(value) }];

/** A line or an event for each row. */
function rowwiseParts(found: readonly Plain[]): Part[] {
  const lines = found.toSorted((a, b) => Number(a["index"] ?? 0) - Number(b["index"] ?? 0));
  for (const line of lines) throwError(line);
  const probability = lines[0]?.["probability"];
  return batchParts({
    predictions: lines.map((line) => line["prediction"]),
    ...(probability === undefined
      ? {}
      : { probabilities: lines.map((line) => line["probability"]) }),
  });
}

const linesOf = (text: string): Plain[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => parseExact(line) as Plain);

/** The rows as the simple dialect takes them. */
export const simpleBody = (question: Question): Plain => ({ instances: rowsOf(question) });

/** Values of row `row` of all inputs in one list: a cell each. */
function cellsOf(question: Question, row: number): Element[] {
  return question.inputs.flatMap((tensor) => rowElements(question, tensor, row));
}

/** A table has one input with lists of numbers, or a single value of every input. */
function table(question: Question): string | undefined {
  const shapes = question.inputs.map((_, index) => rowShape(question, index));
  const isSingle = shapes.every((shape) => shape.every((size) => size === 1));
  if (shapes.length === 0) return "a model without inputs has no line";
  if (!isSingle && !isOneList(question)) return "a row is no line of values";
  return rows(question);
}

function csvCell(value: Element): string {
  return typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : exactText(value);
}

/** A frame as its client writes it: columns by position, or one for each input. */
function frameOf(question: Question): Plain {
  const rows = rowsOf(question);
  const names = question.inputs.map(({ name }) => name);
  if (isOneList(question)) {
    const width = (rows[0] as unknown[]).length;
    return { columns: Array.from({ length: width }, (_, at) => at), data: rows };
  }
  if (names.length === 1) return { columns: names, data: rows.map((row) => [row]) };
  return { columns: names, data: rows.map((row) => Object.values(row as Plain)) };
}

/** Floats of 32 bits, laid out flat. */
function floatRows(question: Question): string | undefined {
  const { inputs, truth } = question;
  if (inputs.length === 0) return "the model takes no numbers";
  if (inputs.some((each) => isHalf(each) || each.datatype === "BYTES")) {
    return "an input takes no numbers";
  }
  const shapes = inputs.map((_, index) => rowShape(question, index));
  if (shapes.some((shape) => shape.filter((size) => size === -1).length > 1)) {
    return "two free dimensions in a row";
  }
  const isSingle = shapes.every((shape) => shape.every((size) => size === 1));
  if (inputs.length > 1 && !isSingle) return "several inputs that are no single values";
  const { prediction, scores } = shownOutputs(question);
  const elements = prediction?.values ?? [];
  if (elements.length > 0 && elements.length !== rowCount(question)) {
    return "the prediction is a list";
  }
  const isInt = elements.every((each) => Number.isInteger(Number(each)));
  const isText = prediction?.datatype === "BYTES";
  if (isText && scores === undefined) return "the prediction is text and no class";
  if (!isText && !isInt) return "the prediction is no whole number";
  return truth.length === 0 ? "no outputs" : undefined;
}

function floatParts(reply: Plain): Part[] {
  const lists = (reply["probabilities"] as { values: number[] }[]).map(({ values }) => values);
  return batchParts({
    predictions: reply["predictions"],
    ...(lists.every((each) => each.length === 0) ? {} : { probabilities: lists }),
  });
}

/** Labels that are texts are answered by their index. */
function floatWanted(question: Question): Part[] {
  const { labels } = shownOutputs(question);
  return rowParts(question).map((part) => {
    if (part.name !== "prediction") return part;
    const elements = part.elements.map((each) =>
      typeof each === "string" ? (labels ?? []).indexOf(each) : each,
    );
    return { ...part, elements };
  });
}

const simple = { cannot: rows, wanted: rowParts } as const;
const bare = { cannot: rows, wanted: predictionOnly } as const;

/** Each by its name. */
export const rowDoors: Readonly<Record<string, Door>> = {
  "simple, instances": {
    ...simple,
    ask: async ({ main }, question) => {
      const url = `${main.url}/predict?model=${question.model}`;
      return batchParts(await postExact({ url, body: simpleBody(question) }));
    },
  },
  "simple, call": {
    ...simple,
    ask: async ({ main }, question) => {
      const { model } = question;
      const body = { model_name: model, input_data: rowsOf(question) };
      return batchParts(await postExact({ url: `${main.url}/predict`, body }));
    },
  },
  "simple, batch": {
    ...simple,
    ask: async ({ main }, question) => {
      const url = `${main.url}/batch_predict?model=${question.model}`;
      const reply = await postExact({ url, body: simpleBody(question) });
      const [error] = (reply["errors"] ?? []) as Plain[];
      if (error !== undefined) throwError(error);
      return batchParts(reply);
    },
  },
  "simple WebSocket": {
    ...simple,
    ask: async ({ main }, question) => {
      const message = exactText({ id: 1, ...simpleBody(question) });
      const reply = await onSocket(`${main.url}/predict/ws?model=${question.model}`, message);
      return batchParts(parseExact(String(reply)) as Plain);
    },
  },
  "lines (NDJSON)": {
    ...simple,
    ask: async ({ main }, question) => {
      const url = `${main.url}/predict/stream?model=${question.model}`;
      return rowwiseParts(linesOf(await postText({ url, body: simpleBody(question) })));
    },
  },
  "events (SSE)": {
    ...simple,
    ask: async ({ main }, question) => {
      const url = `${main.url}/predict/stream?model=${question.model}`;
      const accept = "text/event-stream";
      const text = await postText({ url, body: simpleBody(question), accept });
      const data = text.split("\n").filter((line) => line.startsWith("data: "));
      const found = data.map((line) => parseExact(line.slice("data: ".length)) as Plain);
      return rowwiseParts(found.filter((each) => "index" in each || "code" in each));
    },
  },
  "MLflow, rows": {
    ...bare,
    ask: async ({ main }, question) => {
      const url = `${main.url}/invocations?model=${question.model}`;
      return bareParts((await postExact({ url, body: simpleBody(question) }))["predictions"]);
    },
  },
  "MLflow, tensors": {
    ...bare,
    ask: async ({ main }, { model, inputs }) => {
      const named = inputs.map((each) => [each.name, nested(jsonElements(each), each.shape)]);
      const body = { inputs: Object.fromEntries(named) };
      const url = `${main.url}/invocations?model=${model}`;
      return bareParts((await postExact({ url, body }))["predictions"]);
    },
  },
  "MLflow, frame": {
    ...bare,
    ask: async ({ main }, question) => {
      const url = `${main.url}/invocations?model=${question.model}`;
      const body = { dataframe_split: frameOf(question) };
      return bareParts((await postExact({ url, body }))["predictions"]);
    },
  },
  "MLflow, records": {
    cannot: (question) => {
      if (question.inputs.length === 0) return "a model without inputs has no records";
      return isOneList(question) ? "the model names no fields" : rows(question);
    },
    wanted: predictionOnly,
    ask: async ({ main }, question) => {
      const url = `${main.url}/invocations?model=${question.model}`;
      const { columns, data } = frameOf(question) as { columns: string[]; data: unknown[][] };
      const records = data.map((row) =>
        Object.fromEntries(columns.map((name, index) => [name, row[index]])),
      );
      const body = { dataframe_records: records };
      return bareParts((await postExact({ url, body }))["predictions"]);
    },
  },
  "SageMaker, lines": {
    ...simple,
    ask: async ({ platform }, question) => {
      const url = `${platform.url}/models/${question.model}/invoke`;
      const type = "application/jsonlines";
      const body = rowsOf(question).map(exactText).join("\n");
      return rowwiseParts(linesOf(await postText({ url, body, type, accept: type })));
    },
  },
  "SageMaker, table": {
    cannot: table,
    wanted: predictionOnly,
    ask: async ({ platform }, question) => {
      const lines = Array.from({ length: rowCount(question) }, (_, row) =>
        cellsOf(question, row).map(csvCell).join(","),
      );
      const url = `${platform.url}/models/${question.model}/invoke`;
      const asked = { url, body: `${lines.join("\n")}\n`, type: "text/csv" };
      return bareParts((await postExact(asked))["predictions"]);
    },
  },
  "Vertex, rows": {
    ...bare,
    ask: async ({ platform }, question) => {
      const url = `${platform.url}/vertex?model=${question.model}`;
      return bareParts((await postExact({ url, body: simpleBody(question) }))["predictions"]);
    },
  },
  TorchServe: {
    ...bare,
    ask: async ({ platform }, question) => {
      const url = `${platform.url}/predictions/${question.model}`;
      const reply = parseExact(await postText({ url, body: rowsOf(question) }));
      return bareParts(reply);
    },
  },
  "gRPC, numbers": {
    cannot: floatRows,
    wanted: floatWanted,
    ask: async ({ main }, question) => {
      const instances = Array.from({ length: rowCount(question) }, (_, row) => ({
        features: cellsOf(question, row).map(Number),
      }));
      return await askNumbers(main.grpc, question.model, instances);
    },
  },
};

async function askNumbers(target: string, model: string, instances: Plain[]): Promise<Part[]> {
  const path = "prediction.PredictionService/BatchPredict";
  return floatParts(await call(target, path, { instances }, { "x-model": model }));
}
