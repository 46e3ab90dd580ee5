/**
 * What happens to a request once its headers are in: its route, its deadline, its body, the call.
 *
 * Refuses in the order of cost: version and URL, route, whether work is taken at all, terms, size.
 * Throws what refuses a request before its body is asked for; what comes later fails the exchange.
 */
import { type Limits, ServingError } from "../../../base/index.ts";
import type { ServerMetrics } from "../../../observe/index.ts";
import { BodyRequest } from "./body-request.ts";
import { decodeBody } from "./content-encoding.ts";
import type { Exchange } from "./exchange.ts";
import { checkHost, type RequestHeaders } from "./header-scan.ts";
import { originForm, type Route, type Router } from "./router.ts";

export interface Begin {
  readonly router: Router;
  readonly limits: Limits;
  readonly counts: ServerMetrics["http"];
  /** Throws the error that refuses everything just now (draining), or returns. */
  admit(route: Route): void;
  /** The exchange will have a body, and counts as work from here on. */
  workBegan(): void;
}

/** Finds the route and asks for the body. Throws what refuses the request before that. */
export function begin(exchange: Exchange, rules: Begin): void {
  const { router, limits } = rules;
  checkVersion(exchange);
  const url = originForm(exchange.request.url ?? "/");
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  if (question !== -1) exchange.queryText = url.slice(question + 1);
  if (url.length > limits.urlBytesMax) {
    const message = `the URL has ${url.length} bytes; the limit is ${limits.urlBytesMax}`;
    throw new ServingError("URI_TOO_LONG", message, { limit: "urlBytesMax" });
  }
  const found = router.find(exchange.request.method ?? "GET", path);
  exchange.dialect = found.route.dialect;
  exchange.parameters = found.parameters;
  rules.admit(found.route);
  if (found.route.body === "none") {
    run(exchange, found.route);
    return;
  }
  exchange.isWork = true;
  rules.workBegan();
  setDeadline(exchange, limits);
  readBody(exchange, found.route, rules);
}

function checkVersion({ request, headers }: Exchange): void {
  if (request.httpVersionMajor !== 1) {
    // A stream of HTTP/2: its parser has asked for `:authority`. A line of text may say so too.
    if (!(request instanceof BodyRequest)) return;
    throw new ServingError("INVALID_REQUEST", "expected HTTP/1.0 or HTTP/1.1");
  }
  checkHost(headers, request.httpVersionMinor);
}

/** Collects and inflates the body, then calls the route. */
function readBody(exchange: Exchange, route: Route, { limits, counts }: Begin): void {
  const { headers } = exchange;
  const isBinary = route.body === "tensors" && isBinaryBody(headers);
  const bytesLimit = isBinary ? "binaryBodyBytesMax" : "jsonBodyBytesMax";
  const bytesMax = limits[bytesLimit];
  const declaredBytes = headers.contentLength === "" ? 0 : Number(headers.contentLength);
  // A header that is no number is refused by the route; here it only moves nothing.
  const tensorsFrom = isBinary ? Number.parseInt(headers.inferenceHeaderLength, 10) || 0 : 0;
  const take = (body: Buffer): void => {
    counts.requestBytes.record(body.length);
    exchange.body = body;
    run(exchange, route);
  };
  const bodyLimits = { bytesMax, bytesLimit, declaredBytes, tensorsFrom } as const;
  exchange.request.readBody(bodyLimits, (body, error) => {
    if (error !== undefined) exchange.fail(error);
    else if (headers.contentEncoding === "") take(body);
    else {
      const ratioMax = limits.inflateRatioMax;
      const encoding = headers.contentEncoding;
      decodeBody(body, { encoding, bytesMax, bytesLimit, ratioMax }).then(take, (thrown: unknown) =>
        exchange.fail(thrown),
      );
    }
  });
}

function isBinaryBody(headers: RequestHeaders): boolean {
  return (
    headers.inferenceHeaderLength !== "" ||
    headers.contentType.startsWith("application/octet-stream") ||
    headers.contentType.startsWith("application/vnd.")
  );
}

/** The caller's time: the header's, cut to the limit; else the default. */
function setDeadline(exchange: Exchange, limits: Limits): void {
  const text = exchange.headers.timeoutMs;
  let allowedMs: number = Number.POSITIVE_INFINITY;
  if (text !== "") {
    allowedMs = Number(text);
    if (!Number.isFinite(allowedMs) || allowedMs < 0) {
      const message = "header 'x-request-timeout-ms': expected a number of ms >= 0";
      throw new ServingError("INVALID_REQUEST", message, { field: "x-request-timeout-ms" });
    }
    allowedMs = Math.min(allowedMs, limits.deadlineMsMax);
  }
  exchange.deadlineAtMs = exchange.times.arrivedAtMs + allowedMs;
  const priority = exchange.headers.priority;
  if (priority !== "") {
    exchange.priority = Number(priority);
    if (!Number.isInteger(exchange.priority) || exchange.priority < 0) {
      const message = "header 'x-request-priority': expected a whole number >= 0";
      throw new ServingError("INVALID_REQUEST", message, { field: "x-request-priority" });
    }
  }
}

function run(exchange: Exchange, route: Route): void {
  try {
    const pending = route.handle(exchange);
    if (pending !== undefined) pending.then(undefined, (thrown) => exchange.fail(thrown));
  } catch (thrown) {
    exchange.fail(thrown);
  }
}
