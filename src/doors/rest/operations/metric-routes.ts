/**
 * `GET /metrics`: Prometheus text for scrapers, latency figures as JSON for people.
 *
 * Scrapers name text or anything, so JSON is given only when the caller prefers it by name, asks
 * for it with `?format=json`, or the configuration turns `*` + `/*` round.
 */
import {
  metricContentTypes,
  metricsPage,
  type ProcessUsage,
  serverFigures,
} from "../../../observe/index.ts";
import type { Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { chooseMetricsFormat } from "./metrics-format.ts";

export interface MetricRoutesOptions {
  readonly service: Service;
  readonly usage: ProcessUsage;
  /** What a caller gets who accepts anything. */
  readonly metricsDefault: "text" | "json";
}

export function metricRoutes(options: MetricRoutesOptions): Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      body: "none",
      dialect: "plain",
      handle: (exchange) => metrics(options, exchange),
    },
  ];
}

async function metrics(options: MetricRoutesOptions, exchange: Exchange): Promise<void> {
  const { service, metricsDefault } = options;
  const asked = exchange.query.get("format");
  const format = chooseMetricsFormat(exchange.headers.accept, asked, metricsDefault);
  if (format === "json") {
    const whole = await service.wholeMetrics({ hasWindows: true });
    exchange.replyJson(JSON.stringify(serverFigures(whole)));
    return;
  }
  const own = { metrics: service.metrics, usage: options.usage };
  const whole = (await service.gather?.({ hasWindows: false, hasLoopDelay: true })) ?? own;
  const text = metricsPage(whole.metrics, whole.usage, format);
  exchange.reply({ status: 200, contentType: metricContentTypes[format], lines: "" }, text);
}
