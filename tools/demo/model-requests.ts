/**
 * One request in each of the usual forms to the demo models, each answer held against what
 * scikit-learn answered when the model was made.
 */
import { type Client, jsonOf, type Reply } from "./client.ts";
import type { Show } from "./exchange-view.ts";
import { differenceFrom, type RecordedRow, readRecorded } from "./recorded-answers.ts";

const sameText = "the answer that scikit-learn gave";

/** Every form once. */
export async function showRequests(client: Client, show: Show): Promise<void> {
  await showFields(client, show);
  await showArray(client, show);
  await showPicture(client, show);
  await showRows(client, show);
  await showText(client, show);
  await showProtocol(client, show);
  await showBadRow(client, show);
  await showStream(client, show);
}

/** The names of a model's fields, as the server tells them. */
export async function fieldNames(client: Client, model: string): Promise<string[]> {
  const details = jsonOf(await client.get(`/models/${model}`)) as {
    inputs?: readonly { columns?: readonly { name: string }[] }[];
  };
  return details.inputs?.[0]?.columns?.map((column) => column.name) ?? [];
}

/** A row as an object of named fields. */
export function fieldsOf(names: readonly string[], row: RecordedRow): Record<string, unknown> {
  return Object.fromEntries(names.map((name, index) => [name, row.values[index]]));
}

/** What is wrong with the answer to one row, as a list of none or one. */
export function wrongIn(reply: Reply, row: RecordedRow, tolerance: number): string[] {
  if (reply.status !== 200) return [`${reply.status}: ${reply.text}`];
  const { prediction, sentiment, probabilities } = jsonOf(reply);
  const difference = differenceFrom(
    row,
    { label: prediction ?? sentiment, probabilities },
    tolerance,
  );
  return difference === undefined ? [] : [difference];
}

function firstRow(model: string): { row: RecordedRow; tolerance: number } {
  const { rows, tolerance } = readRecorded(model);
  const row = rows[0];
  if (row === undefined) throw new Error(`models/${model} has no samples`);
  return { row, tolerance };
}

async function showFields(client: Client, show: Show): Promise<void> {
  show.title("churn", "a customer by named fields; the order does not matter");
  const { row, tolerance } = firstRow("churn");
  const body = fieldsOf(await fieldNames(client, "churn"), row);
  const reply = await client.post("/predict?model=churn", body);
  show.exchange({ line: "POST /predict?model=churn", body, reply });
  show.judge(1, wrongIn(reply, row, tolerance), sameText);
}

async function showArray(client: Client, show: Show): Promise<void> {
  show.title("wafer", "five measurements as an array");
  const { row, tolerance } = firstRow("wafer");
  const body = { model_name: "wafer", features: row.values };
  const reply = await client.post("/predict", body);
  show.exchange({ line: "POST /predict", body, reply });
  show.judge(1, wrongIn(reply, row, tolerance), sameText);
}

const greys = " .:-=+*#%@";

/** A picture of 8 x 8 grey values from 0 to 16. */
function pictureLines(values: readonly (number | string)[]): string[] {
  return Array.from({ length: 8 }, (_, line) =>
    values
      .slice(line * 8, line * 8 + 8)
      .map((value) => (greys[Math.min(9, Math.floor(Number(value) / 1.7))] ?? " ").repeat(2))
      .join(""),
  );
}

async function showPicture(client: Client, show: Show): Promise<void> {
  show.title("digits", "a picture of 8 x 8 grey values");
  const { rows, tolerance } = readRecorded("digits");
  const row = rows[3] ?? firstRow("digits").row;
  for (const line of pictureLines(row.values)) show.note(`    ${line}`);
  const body = { features: row.values };
  const reply = await client.post("/predict?model=digits", body);
  show.exchange({ line: "POST /predict?model=digits", body, reply });
  show.judge(1, wrongIn(reply, row, tolerance), sameText);
}

const rowsWanted = 1_000;

async function showRows(client: Client, show: Show): Promise<void> {
  show.title("trees", `${rowsWanted} rows in one request; a hundred trees look at each`);
  const { rows, tolerance } = readRecorded("trees");
  const asked = Array.from({ length: rowsWanted }, (_, index) => rows[index % rows.length]);
  const body = { instances: asked.map((row) => row?.values) };
  const reply = await client.post("/predict?model=trees", body);
  show.exchange({ line: "POST /predict?model=trees", body, reply });
  const { predictions, probabilities } = jsonOf(reply);
  const differences = asked.flatMap((row, index) => {
    if (row === undefined || !Array.isArray(predictions) || !Array.isArray(probabilities)) {
      return [`row ${index}: no answer`];
    }
    const answer = { label: predictions[index], probabilities: probabilities[index] };
    const difference = differenceFrom(row, answer, tolerance);
    return difference === undefined ? [] : [`row ${index}: ${difference}`];
  });
  const perSecond = Math.round((rowsWanted / reply.tookMs) * 1_000);
  const rate = `${perSecond.toLocaleString("en-US")} rows/s in this one request`;
  show.judge(rowsWanted, differences, `all ${rowsWanted} answers as recorded; ${rate}`);
}

async function showText(client: Client, show: Show): Promise<void> {
  show.title("sentiment", "a text; trimmed and put in lower case by the server");
  const { row, tolerance } = firstRow("sentiment");
  const text = String(row.values[0]);
  const body = { text: `  ${text.charAt(0).toUpperCase()}${text.slice(1)} ` };
  const reply = await client.post("/predict?model=sentiment", body);
  show.exchange({ line: "POST /predict?model=sentiment", body, reply });
  show.judge(1, wrongIn(reply, row, tolerance), sameText);
}

async function showProtocol(client: Client, show: Show): Promise<void> {
  show.title("churn", "the same customer by the Open Inference Protocol v2");
  const { row, tolerance } = firstRow("churn");
  const data = row.values;
  const inputs = [{ name: "features", shape: [1, data.length], datatype: "FP32", data }];
  const body = { id: "demo-1", inputs };
  const reply = await client.post("/v2/models/churn/infer", body);
  show.exchange({ line: "POST /v2/models/churn/infer", body, reply });
  const { outputs } = jsonOf(reply) as { outputs?: readonly { name: string; data: unknown[] }[] };
  const label = outputs?.find((each) => each.name === "label")?.data[0];
  const probabilities = outputs?.find((each) => each.name === "probabilities")?.data;
  const difference = differenceFrom(row, { label, probabilities }, tolerance);
  show.judge(1, difference === undefined ? [] : [difference], "the same answer by another door");
}

async function showBadRow(client: Client, show: Show): Promise<void> {
  show.title("churn", "three customers, one of them impossible: the others are answered");
  const { rows, tolerance } = readRecorded("churn");
  const names = await fieldNames(client, "churn");
  const asked = rows.slice(0, 3).map((row) => fieldsOf(names, row));
  const impossible = { ...asked[1], age: 151 };
  const body = { instances: [asked[0], impossible, asked[2]] };
  const reply = await client.post("/batch_predict?model=churn", body);
  show.exchange({ line: "POST /batch_predict?model=churn", body, reply });
  const { predictions, probabilities, errors } = jsonOf(reply) as {
    predictions?: unknown[];
    probabilities?: unknown[];
    errors?: readonly { index: number; error: string }[];
  };
  const differences = [0, 2].flatMap((index) => {
    const row = rows[index];
    if (row === undefined) return [];
    const answer = { label: predictions?.[index], probabilities: probabilities?.[index] };
    const difference = differenceFrom(row, answer, tolerance);
    return difference === undefined ? [] : [`row ${index}: ${difference}`];
  });
  const isNamed = errors?.length === 1 && errors[0]?.index === 1 && predictions?.[1] === null;
  if (!isNamed) differences.push(`row 1 is not refused by name: ${reply.text}`);
  show.judge(3, differences, `row 1 is refused: ${errors?.[0]?.error ?? ""}`);
}

const streamShownMax = 3;

async function showStream(client: Client, show: Show): Promise<void> {
  show.title("sentiment", "a stream: a line for each text as it is done");
  const { rows } = readRecorded("sentiment");
  const body = { texts: rows.map((row) => row.values[0]) };
  const reply = await client.post("/predict/stream?model=sentiment", body);
  const lines = reply.text.trim().split("\n");
  const more = lines.length - streamShownMax;
  const shown = [...lines.slice(0, streamShownMax), ...(more > 0 ? [`${more} more lines`] : [])];
  show.exchange({
    line: "POST /predict/stream?model=sentiment",
    body,
    reply,
    answer: shown.join("\n"),
  });
  const got = new Map<number, unknown>();
  for (const line of lines) {
    const { index, prediction } = JSON.parse(line) as { index: number; prediction: unknown };
    got.set(index, prediction);
  }
  const differences = rows.flatMap((row, index) =>
    got.get(index) === row.label ? [] : [`text ${index}: ${got.get(index)} and not ${row.label}`],
  );
  show.judge(rows.length, differences, `all ${rows.length} texts as recorded`);
}
