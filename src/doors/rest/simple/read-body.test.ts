// Goal: a request counts on the version that it means from before its body is read, wherever it
// names it, and nothing stays in flight. Method: a door over models in memory whose rows differ;
// counters are read from the service; a thread that notes its jobs stands in for the real one.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  type MemoryModel,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { ModelMetrics } from "../../../observe/index.ts";
import { makeTensor } from "../../../tensor/index.ts";
import type { Route } from "../http/router.ts";
import { type HttpServer, startHttpServer } from "../http/server.ts";
import { decodeSimple } from "./decode.ts";
import { createParseThread, type NamesJob, type ParseJob } from "./parse-thread.ts";
import { simpleRoutes } from "./routes.ts";

/** Takes rows of `width` numbers and answers `width` for each. */
function rowModel(name: string, width: number): MemoryModel {
  return {
    name,
    inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, width] })],
    outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1] }, { role: "prediction" })],
    run: ({ items }) => [makeTensor("FP32", [items], new Float32Array(items).fill(width))],
  };
}

let rig: RestRig;
const models = [rowModel("two", 2), rowModel("three", 3), rowModel("deux", 2)];

beforeAll(async () => {
  rig = await openRestRig(models, { jsonInlineBytesMax: 1_000 });
});
afterAll(() => rig.close());

interface Reply {
  readonly status: number;
  readonly body: { readonly predictions?: readonly number[]; readonly error?: string };
}

async function ask(path: string, body: string): Promise<Reply> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(rig.url + path, { method: "POST", headers, body });
  const text = await response.text();
  const [first = ""] = text.split("\n");
  return { status: response.status, body: JSON.parse(first) as Reply["body"] };
}

interface Counts {
  readonly ok: number;
  readonly errors: number;
  readonly inFlight: number;
}

function countsOf(model: string): Counts {
  const metrics = rig.service.metrics.find(model, "1.0.0") as ModelMetrics;
  const { successes: ok, errors } = metrics.requests;
  return { ok, errors, inFlight: metrics.inFlight };
}

/** What `work` added to the counters of each model and to those of none. */
async function counted(work: () => Promise<unknown>): Promise<Record<string, Counts>> {
  const before = models.map(({ name }) => countsOf(name));
  const unknown = rig.service.metrics.unresolved.errors;
  await work();
  const added: Record<string, Counts> = {};
  for (const [index, { name }] of models.entries()) {
    const { ok, errors, inFlight } = countsOf(name);
    const { ok: okThen = 0, errors: errorsThen = 0 } = before[index] ?? {};
    const each = { ok: ok - okThen, errors: errors - errorsThen, inFlight };
    if (each.ok + each.errors + each.inFlight !== 0) added[name] = each;
  }
  const errors = rig.service.metrics.unresolved.errors - unknown;
  if (errors > 0) added["none"] = { ok: 0, errors, inFlight: 0 };
  return added;
}

const one = (model: string): unknown => ({ [model]: { ok: 1, errors: 0, inFlight: 0 } });
const fault = (model: string): unknown => ({ [model]: { ok: 0, errors: 1, inFlight: 0 } });

/** A body of small rows, or of enough rows to be read in a thread. */
function rows(width: number, size: "small" | "large", names = ""): string {
  const row = `[${Array(width).fill(1).join(",")}]`;
  return `{"instances":[${Array(size === "small" ? 2 : 500)
    .fill(row)
    .join(",")}]${names}}`;
}

const sizes: ["small" | "large"][] = [["small"], ["large"]];

test.each(sizes)("counts what a %s body is refused for on the model it names", async (size) => {
  const wrong = rows(3, size);
  for (const path of ["/predict?model=two", "/batch_predict?model=two"]) {
    const isTolerant = path.startsWith("/batch");
    const outcome = isTolerant ? one("two") : fault("two");
    expect(await counted(() => ask(path, wrong))).toEqual(outcome);
  }
  const broken = rows(2, size).slice(0, -3);
  expect(await counted(() => ask("/predict?model=two", broken))).toEqual(fault("two"));
  expect(await counted(() => ask("/predict/stream?model=two", broken))).toEqual(fault("two"));
  const named = rows(3, size, ',"model_name":"two"');
  expect(await counted(() => ask("/predict", named))).toEqual(fault("two"));
});

test.each(sizes)("moves a %s request to the model that its body names", async (size) => {
  const path = "/predict?model=two";
  const alike = rows(2, size, ',"model_name":"deux"');
  expect(await counted(() => ask(path, alike))).toEqual(one("deux"));
  const other = rows(3, size, ',"model_name":"three"');
  expect((await ask(path, other)).body.predictions?.[0]).toBe(3);
  expect(await counted(() => ask(path, other))).toEqual(one("three"));
  const wrong = rows(4, size, ',"model_name":"three"');
  expect(await counted(() => ask(path, wrong))).toEqual(fault("three"));
  const unknown = rows(2, size, ',"model_name":"four"');
  expect(await counted(() => ask(path, unknown))).toEqual(fault("none"));
  const unfit = rows(4, size, ',"model_name":"four"');
  expect((await ask(path, unfit)).status).toBe(404);
});

test("takes the version from outside where the body names only the model", async () => {
  const body = rows(2, "small", ',"model_name":"two"');
  expect((await ask("/predict?model_version=9.9.9", body)).status).toBe(404);
});

/** A server of the same models, without the books of the door. */
async function openOwn(routes: readonly Route[]): Promise<HttpServer> {
  const { limits, clock, metrics, unread } = rig.service;
  const more = {
    counts: metrics.http,
    host: "127.0.0.1",
    port: 0,
    listenSockets: 1,
    validationStatus: 400,
  } as const;
  const told = { admit() {}, finished() {}, limitHit() {} };
  return await startHttpServer({ ...more, limits, unread, clock, routes, ...told });
}

async function send(
  server: HttpServer,
  body: string | Uint8Array<ArrayBuffer>,
  question = "?model=two",
): Promise<void> {
  const encoding: Record<string, string> =
    typeof body === "string" ? {} : { "content-encoding": "gzip" };
  const headers = { "content-type": "application/json", ...encoding };
  const url = `http://127.0.0.1:${server.port}/predict${question}`;
  await fetch(url, { method: "POST", headers, body }).catch(() => {});
}

test("books nothing for a caller who left while the body was inflated", async () => {
  const thread = createParseThread();
  const server = await openOwn(
    simpleRoutes(rig.service, thread).map((route) => ({
      ...route,
      handle(exchange) {
        exchange.callerLeft();
        exchange.response.destroy();
        return route.handle(exchange);
      },
    })),
  );
  await send(server, gzipSync(rows(2, "small")));
  server.destroy();
  expect(countsOf("two").inFlight).toBe(0);
});

test("reads a large body in the thread again when it names another model", async () => {
  const jobs: ParseJob[] = [];
  const thread = createParseThread();
  const noting = {
    ...thread,
    decode(job: ParseJob) {
      jobs.push(job);
      return Promise.resolve(decodeSimple(job.bytes, job.plan, job.rules));
    },
  };
  const server = await openOwn(simpleRoutes(rig.service, noting));
  await send(server, rows(2, "large", ',"model_name":"deux"'));
  await send(server, rows(3, "large", ',"model_name":"three"'));
  server.destroy();
  expect(jobs.map(({ plan }) => plan.inputs[0]?.rowElements)).toEqual([2, 2, 2, 3]);
});

test("looks for the names of a large body in the thread, also when it cannot be read", async () => {
  let jobs = 0;
  const thread = createParseThread();
  const noting = {
    ...thread,
    names(job: NamesJob) {
      jobs += 1;
      return thread.names(job);
    },
  };
  const server = await openOwn(simpleRoutes(rig.service, noting));
  await send(server, rows(2, "large", ',"model_name":"two"'), "");
  expect(jobs).toBe(1);
  await send(server, rows(3, "large"));
  expect(jobs).toBe(2);
  server.destroy();
  await thread.close();
});
