/**
 * What is known about the models: their list, their details, their figures.
 */
import { ServingError } from "../../../base/index.ts";
import type { ColumnSpec, InputSpec, Label, OutputSpec } from "../../../model/index.ts";
import { modelFigures } from "../../../observe/index.ts";
import { isVersionReady, type ServedVersion, type Service } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import type { Route } from "../http/router.ts";
import { exampleRequest } from "./example-request.ts";

export function modelRoutes(service: Service): Route[] {
  const plain = { method: "GET", body: "none", dialect: "simple" } as const;
  return [
    { ...plain, path: "/models", handle: (exchange) => list(service, exchange) },
    { ...plain, path: "/models/:model", handle: (exchange) => details(service, exchange) },
    { ...plain, path: "/models/:model/metrics", handle: (exchange) => figures(service, exchange) },
  ];
}

function list(service: Service, exchange: Exchange): void {
  const all: [string, string[]][] = [];
  for (const model of service.registry.models.values()) {
    all.push([model.name, [...model.versions.keys()]]);
  }
  replyStatus(exchange, 200, Object.fromEntries(all));
}

function wantedVersion(exchange: Exchange): string | undefined {
  const { query } = exchange;
  return query.get("model_version") ?? query.get("version") ?? undefined;
}

function details(service: Service, exchange: Exchange): void {
  const name = exchange.parameters[0] ?? "";
  const entry = service.registry.entry(name, wantedVersion(exchange));
  const model = service.registry.models.get(name);
  const served = entry.served;
  replyStatus(exchange, 200, {
    name,
    version: entry.version,
    state: entry.state,
    ready: isVersionReady(entry),
    ...(entry.reason === "" ? {} : { reason: entry.reason }),
    versions: [...(model?.versions.values() ?? [])].map((each) => ({
      version: each.version,
      state: each.state,
      ready: isVersionReady(each),
    })),
    aliases: Object.fromEntries(model?.aliases ?? []),
    ...(served === undefined ? {} : versionDetails(served)),
  });
}

function versionDetails(served: ServedVersion): object {
  const { layout, inputs, outputs } = served.signature;
  const { settings, digest, description, metadata, warnings } = served.package;
  return {
    description,
    digest,
    inputs: inputs.map(inputDetails),
    outputs: outputs.map(outputDetails),
    batching: {
      layout: layout.kind,
      ...(layout.kind === "none" ? { reason: layout.reason } : {}),
      ...(layout.kind === "fixed" ? { items: layout.items } : {}),
      ...settings.batching,
    },
    instances: settings.instances,
    load_time_ms: served.loadMs,
    metadata,
    warnings,
    example: exampleRequest(served),
  };
}

function inputDetails(spec: InputSpec): object {
  return {
    name: spec.name,
    datatype: spec.dtype,
    shape: spec.shape,
    ...(spec.isOptional ? { optional: true } : {}),
    ...(spec.columns === undefined ? {} : { columns: spec.columns.map(columnDetails) }),
    ...rules(spec),
  };
}

function columnDetails(column: ColumnSpec): object {
  return { name: column.name, datatype: column.dtype, ...rules(column) };
}

/** The value rules that are set. */
function rules(spec: Partial<InputSpec & ColumnSpec>): object {
  const { min, max, lengthMin, lengthMax, default: fallback } = spec;
  const all = { min, max, lengthMin, lengthMax, default: fallback };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function outputDetails(spec: OutputSpec): object {
  return {
    name: spec.name,
    datatype: spec.dtype,
    shape: spec.shape,
    role: spec.role,
    ...(spec.labels === undefined ? {} : { labels: spec.labels.map(labelJson) }),
  };
}

function labelJson(label: Label): string | number {
  if (typeof label === "string") return label;
  return Number.isSafeInteger(Number(label)) ? Number(label) : label.toString();
}

async function figures(service: Service, exchange: Exchange): Promise<void> {
  const name = exchange.parameters[0] ?? "";
  const entry = service.registry.entry(name, wantedVersion(exchange));
  const whole = await service.wholeMetrics({ hasWindows: true });
  const metrics = whole.find(entry.model, entry.version);
  if (metrics === undefined) {
    throw new ServingError("MODEL_NOT_FOUND", `model '${name}' has no figures yet`);
  }
  replyStatus(exchange, 200, { metrics: modelFigures(metrics, service.clock.nowMs()) });
}
