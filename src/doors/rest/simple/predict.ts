/**
 * `POST /predict`: one request in any simple form, one reply.
 *
 * The hot path of the whole server. It finds the version, reads the body by its plan, checks it,
 * hands it to the service and writes the reply as one string.
 */
import { ServingError } from "../../../base/index.ts";
import { emptyOutputs } from "../../../model/index.ts";
import type { InferenceResponse } from "../../../predict/index.ts";
import { makeAnswer, type ServedVersion, type Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkJsonType } from "../http/exchange-work.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import type { SimpleRequest } from "./decode.ts";
import { formRequest } from "./form-request.ts";
import type { ReadBody } from "./read-body.ts";
import { replyText } from "./reply.ts";
import { type SimpleServing, simpleServing } from "./serving.ts";

export interface PredictRoute {
  readonly service: Service;
  readonly readBody: ReadBody;
}

/** Answers a `/predict` request. */
export function predict(route: PredictRoute, exchange: Exchange): void | Promise<void> {
  checkJsonType(exchange.headers.contentType);
  const read = route.readBody(exchange, { isTolerant: false });
  if (read instanceof Promise) return read.then((each) => run(route, exchange, each));
  run(route, exchange, read);
}

function run(
  route: PredictRoute,
  exchange: Exchange,
  { served, decoded }: { readonly served: ServedVersion; readonly decoded: SimpleRequest },
): void {
  const { service } = route;
  const serving = simpleServing(served, service.limits.jsonDepthMax);
  exchange.items = decoded.items;
  const request = formRequest(served, serving, decoded);
  exchange.times.decodedAtMs = service.clock.nowMs();
  if (request.items === 0) {
    const outputs = emptyOutputs(served.signature, serving.wanted);
    if (outputs === undefined) throw noRows(decoded.field);
    reply(exchange, { serving, decoded, service }, { outputs });
    return;
  }
  service.infer(served, request, exchange).then(
    (response) => {
      try {
        reply(exchange, { serving, decoded, service }, response);
      } catch (thrown) {
        exchange.fail(thrown);
      }
    },
    (thrown: unknown) => exchange.fail(thrown),
  );
}

interface ReplyParts {
  readonly serving: SimpleServing;
  readonly decoded: SimpleRequest;
  readonly service: Service;
}

function reply(exchange: Exchange, parts: ReplyParts, response: InferenceResponse): void {
  const { serving, decoded, service } = parts;
  const { times } = exchange;
  const nowMs = service.clock.nowMs();
  const answer = makeAnswer(serving.answerPlan, response.outputs, decoded.items);
  const text = replyText(answer, {
    form: decoded.form,
    names: serving.names,
    latencyMs: nowMs - times.arrivedAtMs,
    runMs: times.runMs,
    batchId: decoded.batchId,
  });
  exchange.writtenAtMs = service.clock.nowMs();
  exchange.replyJson(text, serverTimingLine(times, exchange.writtenAtMs));
}

function noRows(field: string): ServingError {
  const message = `${field}: no rows, expected at least 1`;
  return new ServingError("INVALID_INPUT", message, { field });
}
