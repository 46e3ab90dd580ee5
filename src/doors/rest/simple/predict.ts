/**
 * `POST /predict`: one request in any simple form, one reply.
 *
 * The hot path of the whole server. It finds the version, reads the body by its plan, checks it,
 * hands it to the service and writes the reply as one string.
 */
import { ServingError } from "../../../base/index.ts";
import { emptyOutputs } from "../../../model/index.ts";
import type { InferenceResponse } from "../../../predict/index.ts";
import { makeAnswer, type Service } from "../../../service/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkJsonType } from "../http/exchange-work.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import { isLargeReply } from "../offload/threads.ts";
import { formRequest } from "./form-request.ts";
import type { ParseThread, WriteJob } from "./parse-thread.ts";
import type { ReadBody, ReadSimple } from "./read-body.ts";
import { answerElements, replyText } from "./reply.ts";
import { simpleServing } from "./serving.ts";

export interface PredictRoute {
  readonly service: Service;
  readonly readBody: ReadBody;
  /** Writes replies that are too large for the event loop. */
  readonly thread: ParseThread;
}

/** Answers a `/predict` request. */
export function predict(route: PredictRoute, exchange: Exchange): void | Promise<void> {
  checkJsonType(exchange.headers.contentType);
  const read = route.readBody(exchange, { isTolerant: false });
  if (read instanceof Promise) return read.then((each) => run(route, exchange, each));
  run(route, exchange, read);
}

function run(route: PredictRoute, exchange: Exchange, read: ReadSimple): void {
  const response = inferSimple(route.service, exchange, read);
  if (!(response instanceof Promise)) {
    reply(route, exchange, { read, response });
    return;
  }
  response.then(
    (each) => {
      try {
        reply(route, exchange, { read, response: each });
      } catch (thrown) {
        exchange.fail(thrown);
      }
    },
    (thrown: unknown) => exchange.fail(thrown),
  );
}

/** Checks and runs what was read; a request without rows is answered at once. */
export function inferSimple(
  service: Service,
  call: Call,
  { served, decoded }: ReadSimple,
): InferenceResponse | Promise<InferenceResponse> {
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  call.items = decoded.items;
  const request = formRequest(served, serving, decoded);
  call.times.decodedAtMs = service.clock.nowMs();
  if (request.items > 0) return service.infer(served, request, call);
  const outputs = emptyOutputs(served.signature, serving.wanted);
  if (outputs === undefined) throw noRows(decoded.field);
  return { outputs };
}

export interface Answered {
  readonly read: ReadSimple;
  readonly response: InferenceResponse;
}

/** The reply's body. @throws OUTPUT_NOT_REPRESENTABLE */
export function simpleReply(service: Service, call: Call, answered: Answered): string {
  const { answer, facts } = replyJob(service, call, answered);
  return replyText(answer, facts);
}

/** What the reply's body is written from. */
function replyJob(
  service: Service,
  { times }: Call,
  { read: { served, decoded }, response }: Answered,
): WriteJob {
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  const answer = makeAnswer(serving.answerPlan, response.outputs, decoded.items);
  const facts = {
    form: decoded.form,
    names: serving.names,
    latencyMs: service.clock.nowMs() - times.arrivedAtMs,
    runMs: times.runMs,
    batchId: decoded.batchId,
  };
  return { answer, facts };
}

function reply(route: PredictRoute, exchange: Exchange, answered: Answered): void {
  const { service } = route;
  const job = replyJob(service, exchange, answered);
  if (isLargeReply(answerElements(job.answer))) {
    replyApart(route, exchange, job);
    return;
  }
  const text = replyText(job.answer, job.facts);
  exchange.writtenAtMs = service.clock.nowMs();
  exchange.replyJson(text, serverTimingLine(exchange.times, exchange.writtenAtMs));
}

/** `latency_ms` ends here, where the writing begins. */
function replyApart({ service, thread }: PredictRoute, exchange: Exchange, job: WriteJob): void {
  service.metrics.http.repliesOffloaded += 1;
  thread.write(job, exchange.cancellation).then(
    (bytes) => {
      exchange.writtenAtMs = service.clock.nowMs();
      const lines = serverTimingLine(exchange.times, exchange.writtenAtMs);
      exchange.reply({ status: 200, contentType: "application/json", lines }, bytes);
    },
    (thrown: unknown) => exchange.fail(thrown),
  );
}

function noRows(field: string): ServingError {
  const message = `${field}: no rows, expected at least 1`;
  return new ServingError("INVALID_INPUT", message, { field });
}
