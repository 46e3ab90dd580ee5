/**
 * Many requests at once: shows that they shared runs of the engine, that each got the answer of its
 * own row, and what the server measured meanwhile.
 */
import { type Client, jsonOf, type Reply } from "./client.ts";
import type { Show } from "./exchange-view.ts";
import { fieldNames, fieldsOf, wrongIn } from "./model-requests.ts";
import { type RecordedRow, readRecorded } from "./recorded-answers.ts";
import { bar, dim, table } from "./terminal.ts";

const requestsWanted = 300;
const path = "/predict?model=churn";

/** Sends 300 requests at once. */
export async function showCrowd(client: Client, show: Show): Promise<void> {
  show.title("churn", `${requestsWanted} callers at once, one row each, over as many connections`);
  const { rows, tolerance } = readRecorded("churn");
  const names = await fieldNames(client, "churn");
  const asked = Array.from({ length: requestsWanted }, (_, index) => rows[index % rows.length]);
  const send = (row: RecordedRow | undefined): Promise<Reply> =>
    client.post(path, row === undefined ? {} : fieldsOf(names, row));
  // The first round opens the connections.
  await Promise.all(asked.map(send));
  const before = await batchCounts(client);
  const startedAtMs = performance.now();
  const replies = await Promise.all(asked.map(send));
  const tookMs = performance.now() - startedAtMs;
  const after = await batchCounts(client);
  const differences = replies.flatMap((reply, index) => {
    const row = asked[index];
    return row === undefined ? [] : wrongIn(reply, row, tolerance);
  });
  const runs = after.runs - before.runs;
  show.note(`${requestsWanted} answers after ${tookMs.toFixed(0)} ms, from ${runs} runs:`);
  for (const line of sizeLines(before, after)) show.note(line);
  show.judge(requestsWanted, differences, "each caller got the answer of its own row");
}

/** Sends as many requests one after the other: a lone caller waits for nobody. */
export async function showAlone(client: Client, show: Show): Promise<void> {
  show.title("churn", `one caller, ${requestsWanted} requests one after the other`);
  const { rows, tolerance } = readRecorded("churn");
  const names = await fieldNames(client, "churn");
  const tookMs: number[] = [];
  const differences: string[] = [];
  for (let index = 0; index < requestsWanted; index += 1) {
    const row = rows[index % rows.length];
    if (row === undefined) continue;
    const reply = await client.post(path, fieldsOf(names, row));
    tookMs.push(reply.tookMs);
    differences.push(...wrongIn(reply, row, tolerance));
  }
  tookMs.sort((one, other) => one - other);
  const at = (share: number): string =>
    (tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0).toFixed(2);
  show.note(`as this client saw it: median ${at(0.5)} ms, p95 ${at(0.95)}, p99 ${at(0.99)}`);
  show.judge(requestsWanted, differences, "all as recorded; batching makes nobody wait");
}

interface BatchCounts {
  readonly runs: number;
  /** Runs by size: upper bound of the bucket, runs of that size or less. */
  readonly buckets: readonly (readonly [bound: string, runs: number])[];
}

const bucketStart = 'millrace_batch_items_bucket{model="churn",version="1.0.0",le="';
const countStart = 'millrace_batch_items_count{model="churn",version="1.0.0"} ';

/** Reads `millrace_batch_items` of /metrics. */
async function batchCounts(client: Client): Promise<BatchCounts> {
  const { text } = await client.get("/metrics");
  const buckets: [string, number][] = [];
  let runs = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith(countStart)) runs = Number(line.slice(countStart.length));
    if (!line.startsWith(bucketStart)) continue;
    const [bound = "", count = "0"] = line.slice(bucketStart.length).split('"} ');
    buckets.push([bound, Number(count)]);
  }
  return { runs, buckets };
}

/** A line for each size of batch that occurred. */
function sizeLines(before: BatchCounts, after: BatchCounts): string[] {
  let below = 0;
  let lower = 1;
  const sizes: { label: string; runs: number }[] = [];
  for (const [index, [bound, count]] of after.buckets.entries()) {
    const upTo = count - (before.buckets[index]?.[1] ?? 0);
    const upper = Number(bound);
    const label = upper === lower ? bound : `${lower} to ${bound}`;
    if (upTo > below) sizes.push({ label, runs: upTo - below });
    below = upTo;
    lower = upper + 1;
  }
  const most = Math.max(1, ...sizes.map((size) => size.runs));
  const rows = sizes.map(({ label, runs }) => [
    `  ${label.padStart(9)} rows`,
    `${runs} ${runs === 1 ? "run" : "runs"}`,
    bar(runs / most, 30),
  ]);
  return table(rows, [1]);
}

/** What the server measured of every model in the last minute. */
export async function showFigures(client: Client, show: Show): Promise<void> {
  show.title("figures", "what the server measured meanwhile, ms (/models/NAME/metrics)");
  const models = Object.keys(jsonOf(await client.get("/models")));
  const rows: string[][] = [["model", "items", "p50", "p95", "p99", "mean", "max"]];
  for (const model of models) {
    const { metrics } = jsonOf(await client.get(`/models/${model}/metrics`)) as {
      metrics?: Readonly<Record<string, number>>;
    };
    if (metrics === undefined) continue;
    const cell = (name: string): string => (metrics[name] ?? 0).toFixed(2);
    const times = ["p50", "p95", "p99", "mean", "max"].map(cell);
    rows.push([model, String(metrics["inference_count"] ?? 0), ...times]);
  }
  const [head = "", ...lines] = table(rows, [1, 2, 3, 4, 5, 6]);
  show.note(dim(head));
  for (const line of lines) show.note(line);
}
