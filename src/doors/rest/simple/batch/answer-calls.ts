/**
 * Answers a list of calls, each as a request of its own.
 *
 * A call counts on its version from before it is read, has that version's deadline and its own
 * stage times; only the caller, and so the cancellation, is shared. A large list is read in a
 * parsing thread.
 */
import { setImmediate } from "node:timers/promises";
import { type ErrorCode, ServingError } from "../../../../base/index.ts";
import type { RequestContext, StageTimes } from "../../../../predict/index.ts";
import {
  requestBegan,
  requestDone,
  type ServedVersion,
  type Service,
} from "../../../../service/index.ts";
import type { Exchange } from "../../http/exchange.ts";
import { isLargeReply } from "../../offload/threads.ts";
import type { SimpleRequest } from "../decode.ts";
import { checkRowCount } from "../form-request.ts";
import type { ParseThread } from "../parse-thread.ts";
import { answerElements, type ReplyFacts, replyText } from "../reply.ts";
import { simpleServing } from "../serving.ts";
import {
  type CallJob,
  type CallPlan,
  type CallSlice,
  decodeCalls,
  type ReadCall,
  sliceCalls,
} from "./calls.ts";
import { type RowsOf, runRows } from "./run-rows.ts";

/** Calls that are begun before the event loop goes on. */
const callsPerTurn = 128;

export interface CallsRoute {
  readonly service: Service;
  readonly thread: ParseThread;
}

export interface CallEnd {
  readonly text: string;
  readonly isFailed: boolean;
}

/** A call that counts on its version. */
interface BookedCall extends CallSlice {
  readonly served: ServedVersion;
  readonly context: RequestContext;
}

/**
 * The end of each call, in their order.
 *
 * @throws INVALID_REQUEST broken JSON @throws LIMIT_EXCEEDED too many calls
 * @throws CANCELLED the caller left while the list was read
 * @throws OVERLOADED too many large bodies are being read
 */
export async function answerCalls(route: CallsRoute, exchange: Exchange): Promise<CallEnd[]> {
  const { service } = route;
  const isLarge = exchange.body.length > service.limits.jsonInlineBytesMax;
  if (isLarge) service.metrics.http.jsonOffloaded += 1;
  const apart = isLarge ? route.thread : undefined;
  const slices = await sliceAll(service, exchange, apart);
  if (exchange.isAnswered) throw new ServingError("CANCELLED", "the caller left");
  const ends: (CallEnd | Promise<CallEnd>)[] = [];
  const booked: BookedCall[] = [];
  const places: number[] = [];
  for (const slice of slices) {
    const call = book(service, exchange, slice);
    if (call instanceof ServingError) ends.push(refused(service, slice, call));
    else {
      places.push(ends.length);
      booked.push(call);
      ends.push({ text: "", isFailed: false });
    }
  }
  const read = await readAll(service, { exchange, apart, booked });
  exchange.times.decodedAtMs = service.clock.nowMs();
  for (const [index, place] of places.entries()) {
    const call = booked[index];
    const each = read[index];
    if (call !== undefined && each !== undefined) ends[place] = answer(route, call, each);
    // Thousands of calls take long: others get their turn in between.
    if ((index + 1) % callsPerTurn === 0) await setImmediate();
  }
  const all = await Promise.all(ends);
  noteTimes(exchange.times, booked);
  return all;
}

async function sliceAll(
  service: Service,
  { body: bytes, cancellation }: Exchange,
  apart: ParseThread | undefined,
): Promise<readonly CallSlice[]> {
  const { jsonDepthMax, requestItemsMax } = service.limits;
  const limits = { jsonDepthMax, requestItemsMax };
  if (apart === undefined) return sliceCalls(bytes, limits);
  return await apart.slice({ bytes, limits, cancellation });
}

/** Finds the version that a call means and counts the call there. */
function book(service: Service, exchange: Exchange, slice: CallSlice): BookedCall | ServingError {
  const { names, error } = slice;
  if (error !== undefined) return error;
  try {
    const served = service.find(names.modelName ?? service.needModel(), names.modelVersion);
    requestBegan(served);
    return { ...slice, served, context: contextOf(exchange, served) };
  } catch (thrown) {
    return ServingError.from(thrown);
  }
}

function contextOf(exchange: Exchange, served: ServedVersion): RequestContext {
  const { requestId, priority, cancellation, headers } = exchange;
  const { arrivedAtMs } = exchange.times;
  const isOurs = headers.timeoutMs === "";
  return {
    requestId,
    deadlineAtMs: isOurs ? arrivedAtMs + served.deadlineMsDefault : exchange.deadlineAtMs,
    priority,
    cancellation,
    times: {
      arrivedAtMs,
      decodedAtMs: arrivedAtMs,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    },
  };
}

interface Reading {
  readonly exchange: Exchange;
  readonly apart: ParseThread | undefined;
  readonly booked: readonly BookedCall[];
}

/** Reads all calls; never rejects: what ends the reading is the end of each call. */
async function readAll(service: Service, reading: Reading): Promise<readonly ReadCall[]> {
  const { exchange, apart, booked } = reading;
  const plans: CallPlan[] = [];
  const places = new Map<ServedVersion, number>();
  const calls = booked.map(({ served, from, to }): CallJob => {
    let plan = places.get(served);
    if (plan === undefined) {
      const serving = simpleServing(served, service.limits.jsonDepthMax);
      const rules = { limits: serving.limits, isTolerant: false };
      plan = plans.push({ plan: serving.plan, rules }) - 1;
      places.set(served, plan);
    }
    return { from, to, plan };
  });
  const { body: bytes, cancellation } = exchange;
  try {
    if (apart === undefined) return decodeCalls(bytes, calls, plans);
    return await apart.decodeCalls({ bytes, calls, plans, cancellation });
  } catch (thrown) {
    const error = ServingError.from(thrown);
    return booked.map(() => ({ decoded: undefined, error }));
  }
}

/** Runs a call, writes its end and takes it off the books; never rejects. */
async function answer(
  route: CallsRoute,
  call: BookedCall,
  { decoded, error }: ReadCall,
): Promise<CallEnd> {
  const { service } = route;
  const { context } = call;
  context.times.decodedAtMs = service.clock.nowMs();
  const items = decoded?.items ?? 0;
  try {
    if (decoded === undefined) throw error ?? new ServingError("INTERNAL", "a call was lost");
    const text = await run(route, call, decoded);
    done(service, call, { outcome: "OK", items });
    return { text, isFailed: false };
  } catch (thrown) {
    const fault = ServingError.from(thrown);
    done(service, call, { outcome: fault.code, items });
    const isOurs = fault.code === "DEADLINE_EXCEEDED" && isDefaultDeadline(call);
    const limit = fault.limit ?? (isOurs ? "deadlineMsDefault" : undefined);
    if (limit !== undefined) service.metrics.limitHits.add(limit);
    return failedEnd(service, call, fault);
  }
}

function isDefaultDeadline({ context, served }: BookedCall): boolean {
  return context.deadlineAtMs === context.times.arrivedAtMs + served.deadlineMsDefault;
}

function done(
  service: Service,
  { served, context }: BookedCall,
  { outcome, items }: { readonly outcome: ErrorCode | "OK"; readonly items: number },
): void {
  const endedAtMs = service.clock.nowMs();
  requestDone(served, { door: "rest", outcome, items, times: context.times, endedAtMs });
}

async function run(route: CallsRoute, call: BookedCall, decoded: SimpleRequest): Promise<string> {
  const { service } = route;
  const { served, context } = call;
  const { times } = context;
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  if (decoded.items === 0) throw new ServingError("INVALID_INPUT", "input_data: no rows");
  checkRowCount(served, serving, decoded);
  const rows: RowsOf = { service, served, serving, decoded, context };
  const ends = await runRows(rows, 0, decoded.items);
  const bad = ends.find((end) => end.error !== undefined);
  if (bad?.error !== undefined) throw bad.error;
  const whole = ends[0]?.answer;
  if (whole?.items !== decoded.items) {
    throw new ServingError("INTERNAL", "the rows of a call were answered apart");
  }
  const facts: ReplyFacts = {
    form: "call",
    names: serving.names,
    latencyMs: service.clock.nowMs() - times.arrivedAtMs,
    runMs: times.runMs,
    batchId: decoded.batchId,
  };
  if (!isLargeReply(answerElements(whole))) return replyText(whole, facts);
  service.metrics.http.repliesOffloaded += 1;
  const job = { answer: whole, facts };
  return (await route.thread.write(job, context.cancellation)).toString();
}

/** A call that reached no version. */
function refused(service: Service, slice: CallSlice, error: ServingError): CallEnd {
  service.metrics.unresolved.add("rest", error.code);
  if (error.limit !== undefined) service.metrics.limitHits.add(error.limit);
  return failedEnd(service, slice, error);
}

function failedEnd(service: Service, { names }: CallSlice, error: ServingError): CallEnd {
  const entry = {
    error: error.message,
    code: error.code,
    model_name: names.modelName ?? service.onlyModel ?? null,
    batch_id: names.batchId ?? null,
  };
  return { text: JSON.stringify(entry), isFailed: true };
}

/** What the reply says of the whole list: from the first call sent to the last one answered. */
function noteTimes(times: StageTimes, booked: readonly BookedCall[]): void {
  for (const { context } of booked) {
    const own = context.times;
    if (own.sentAtMs === 0) continue;
    if (times.sentAtMs === 0 || own.sentAtMs < times.sentAtMs) times.sentAtMs = own.sentAtMs;
    times.answeredAtMs = Math.max(times.answeredAtMs, own.answeredAtMs);
    times.runMs = Math.max(times.runMs, own.runMs);
  }
}
