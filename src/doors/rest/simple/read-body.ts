/**
 * Finds the version that a simple body means and reads the body by its plan.
 *
 * The model stands in the query, in a header, in the body, or is the only one. The body is read
 * once by the plan of the version known so far; only when it then names another one is it read
 * again. Bodies over `jsonInlineBytesMax` are read in a parsing thread.
 */
import type { ServedVersion, Service } from "../../../service/index.ts";
import { JsonReader } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { decodeSimple, type SimpleRequest } from "./decode.ts";
import type { ParseThread } from "./parse-thread.ts";
import { simpleServing } from "./serving.ts";

export interface ReadSimple {
  readonly served: ServedVersion;
  readonly decoded: SimpleRequest;
}

export interface ReadRules {
  /** Faulty rows are noted instead of ending the request. */
  readonly isTolerant: boolean;
}

export type ReadBody = (exchange: Exchange, rules: ReadRules) => ReadSimple | Promise<ReadSimple>;

interface Wanted {
  readonly model: string | undefined;
  readonly version: string | undefined;
}

/** Makes the reader of one door. */
export function makeReadBody(service: Service, thread: ParseThread): ReadBody {
  return (exchange, rules) => {
    const outside = namedOutside(exchange);
    const inside = outside.model ?? service.onlyModel;
    const wanted =
      inside === undefined ? namedInside(service, exchange) : { ...outside, model: inside };
    const model = wanted.model ?? service.needModel();
    const served = service.find(model, wanted.version);
    const serving = simpleServing(served, service.limits.jsonDepthMax);
    const decodeRules = { limits: serving.limits, isTolerant: rules.isTolerant };
    const again = (decoded: SimpleRequest): ReadSimple => {
      const target = service.find(
        decoded.modelName ?? model,
        decoded.modelVersion ?? wanted.version,
      );
      if (target === served) return { served, decoded };
      const other = simpleServing(target, service.limits.jsonDepthMax);
      const otherRules = { limits: other.limits, isTolerant: rules.isTolerant };
      return { served: target, decoded: decodeSimple(exchange.body, other.plan, otherRules) };
    };
    if (exchange.body.length > service.limits.jsonInlineBytesMax) {
      service.metrics.http.jsonOffloaded += 1;
      const { body: bytes, cancellation } = exchange;
      const job = { bytes, plan: serving.plan, rules: decodeRules, cancellation };
      return thread.decode(job).then(again);
    }
    return again(decodeSimple(exchange.body, serving.plan, decodeRules));
  };
}

function namedOutside(exchange: Exchange): Wanted {
  const { headers } = exchange;
  let model: string | undefined = headers.model === "" ? undefined : headers.model;
  let version: string | undefined = headers.modelVersion === "" ? undefined : headers.modelVersion;
  if (exchange.queryText !== "") {
    model = exchange.query.get("model") ?? model;
    version = exchange.query.get("model_version") ?? version;
  }
  return { model, version };
}

/** Looks for `model_name` and `model_version` without reading anything else. */
function namedInside(service: Service, exchange: Exchange): Wanted {
  const reader = new JsonReader(exchange.body, service.limits.jsonDepthMax);
  let model: string | undefined;
  let version: string | undefined;
  reader.enterObject();
  while (reader.nextMember()) {
    const isText = reader.peek() === "string";
    if (isText && reader.isKey("model_name")) model = reader.readString();
    else if (isText && reader.isKey("model_version")) version = reader.readString();
    else reader.skipValue();
  }
  return { model, version };
}
