/**
 * Health and readiness, in the shapes that load balancers, Kubernetes and hand-written clients
 * read.
 *
 * Live answers while the loop does, and never waits for a model. Ready is false from the moment the
 * server drains or a required version has no instance. `/health?deep=1` runs a real prediction.
 */
import type { Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import type { Route } from "../http/router.ts";

/** @param hasDocs browsers that ask for `/` are sent to the page for people */
export function healthRoutes(service: Service, hasDocs: boolean): Route[] {
  const plain = { method: "GET", body: "none", dialect: "plain" } as const;
  return [
    { ...plain, path: "/health", handle: (exchange) => health(service, exchange) },
    { ...plain, path: "/health/live", handle: (exchange) => replyStatus(exchange, 200, alive) },
    { ...plain, path: "/health/ready", handle: (exchange) => ready(service, exchange) },
    { ...plain, path: "/", handle: (exchange) => front(exchange, hasDocs) },
    { ...plain, path: "/ping", handle: (exchange) => ping(service, exchange) },
    {
      ...plain,
      path: "/v2/health/live",
      handle: (exchange) => replyStatus(exchange, 200, { live: true }),
    },
    {
      ...plain,
      path: "/v2/health/ready",
      handle(exchange) {
        const isReady = service.health().isReady;
        replyStatus(exchange, isReady ? 200 : 503, { ready: isReady });
      },
    },
  ];
}

const alive = { status: "alive" };

/** `GET /`: what KServe v1's clients ask to know that the process answers. */
function front(exchange: Exchange, hasDocs: boolean): void {
  if (hasDocs && exchange.headers.accept.includes("text/html")) {
    const lines = "location: /docs\r\n";
    exchange.reply({ status: 302, contentType: "text/plain", lines }, "see /docs\n");
  } else replyStatus(exchange, 200, alive);
}

async function health(service: Service, exchange: Exchange): Promise<void> {
  const isDeep = exchange.query.get("deep") === "1";
  const found = isDeep ? await service.deepHealth() : service.health();
  replyStatus(exchange, found.isReady ? 200 : 503, {
    status: found.isReady ? "healthy" : "unhealthy",
    timestamp: Math.floor(service.clock.wallMs() / 1000),
    model_loaded: found.isModelLoaded,
    ...(found.problems.length === 0 ? {} : { problems: found.problems }),
  });
}

function ready(service: Service, exchange: Exchange): void {
  const { isReady, problems } = service.health();
  if (isReady) replyStatus(exchange, 200, { status: "ready" });
  else replyStatus(exchange, 503, { status: "not ready", problems });
}

/** 200 when a request would be answered, else 503; what SageMaker, MLflow and Vertex ask. */
export function ping(service: Service, exchange: Exchange): void {
  const { isReady } = service.health();
  replyStatus(exchange, isReady ? 200 : 503, { status: isReady ? "Healthy" : "Unhealthy" });
}
