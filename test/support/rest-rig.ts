/**
 * The REST door over models that exist only in memory, for tests of what it reads and writes.
 */
import { createServer } from "node:http";
import { defaultLimits, type Limits, systemClock } from "../../src/base/index.ts";
import {
  dialectNames,
  type RestDoor,
  type RestDoorOptions,
  startRestDoor,
} from "../../src/doors/rest/index.ts";
import {
  type BatchLayout,
  type InputSpec,
  type ModelPackage,
  type OutputSpec,
  prepareInputChecks,
  type Signature,
} from "../../src/model/index.ts";
import { createLog, type Log, ProcessUsage, ServerMetrics } from "../../src/observe/index.ts";
import type { InferenceRequest, RequestContext } from "../../src/predict/index.ts";
import { Registry } from "../../src/registry/index.ts";
import { type ServedVersion, Service, sound } from "../../src/service/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

export interface MemoryModel {
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly layout?: BatchLayout;
  /** Wanted outputs in the order asked. */
  run(
    request: InferenceRequest,
    context: RequestContext,
  ): readonly Tensor[] | Promise<readonly Tensor[]>;
}

type Named = Pick<InputSpec, "name" | "dtype" | "shape">;

/** An input without rules. */
export function inputSpec(spec: Named, more: Partial<InputSpec> = {}): InputSpec {
  return {
    ...spec,
    dimNames: spec.shape.map(() => undefined),
    isOptional: false,
    columns: undefined,
    min: undefined,
    max: undefined,
    lengthMin: undefined,
    lengthMax: undefined,
    steps: [],
    ...more,
  };
}

/** An output of no role. */
export function outputSpec(spec: Named, more: Partial<OutputSpec> = {}): OutputSpec {
  const dimNames = spec.shape.map(() => undefined);
  return { ...spec, dimNames, role: "other", labels: undefined, ...more };
}

export interface RestRig {
  readonly door: RestDoor;
  readonly service: Service;
  readonly url: string;
  close(): Promise<void>;
}

/** What a test may set of the door; the rest is wired here. */
export type RigOptions = Partial<Omit<RestDoorOptions, "service" | "clock">>;

function silentLog(): Log {
  return createLog({ level: "silent", format: "json", write: () => {} });
}

/** Opens a door over `models`, each as version 1.0.0. */
export async function openRestRig(
  models: readonly MemoryModel[],
  own: Partial<Limits> = {},
  { log = silentLog(), ...door }: RigOptions = {},
): Promise<RestRig> {
  const limits: Limits = { ...defaultLimits, ...own };
  const clock = systemClock;
  const metrics = new ServerMetrics({ limits, clock, build: "test" });
  const registry = new Registry<ServedVersion>();
  const service = new Service({ registry, metrics, limits, clock, defaultModel: "" });
  for (const model of models) addModel(service, model);
  service.phase = "serving";
  const opened = await startRestDoor({
    service,
    clock,
    log,
    usage: new ProcessUsage(clock.wallMs()),
    host: "127.0.0.1",
    port: await freePort(),
    listenSockets: 1,
    validationStatus: 400,
    metricsDefault: "text",
    serverName: "millrace",
    serverVersion: "0.0.1",
    hasDocs: false,
    unixSocket: "",
    tls: undefined,
    cors: { origins: [], maxAgeS: 600 },
    hasBareTokens: false,
    dialects: dialectNames,
    vertex: { healthRoute: "", predictRoute: "" },
    ...door,
  });
  const url = `http://127.0.0.1:${opened.port}`;
  return { door: opened, service, url, close: () => opened.close() };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, "127.0.0.1", done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function addModel(service: Service, model: MemoryModel): void {
  const { registry, limits, metrics } = service;
  const entry = registry.register({
    model: model.name,
    version: "1.0.0",
    isRequired: false,
  });
  for (const state of ["validated", "loading", "probing", "warming"] as const) {
    registry.step(entry, state);
  }
  const layout = model.layout ?? { kind: "dynamic" };
  const signature: Signature = { inputs: model.inputs, outputs: model.outputs, layout };
  const batching = { itemsMax: 32, delayMsMax: 0, policy: "greedy" };
  const settings = { batching, instances: "auto" };
  const served: ServedVersion = {
    model: model.name,
    version: "1.0.0",
    revision: 1,
    package: { settings, artifactName: "model.onnx" } as ModelPackage,
    signature,
    checks: prepareInputChecks(signature, limits),
    predictor: {
      signature,
      predict: async (request, context) => ({ outputs: await model.run(request, context) }),
    },
    metrics: metrics.of(model.name, "1.0.0"),
    instances: 3,
    loadMs: 1,
    readyAtWallMs: 1,
    deadlineMsDefault: limits.deadlineMsDefault,
    sample: { inputs: [], items: 1, outputs: undefined, parameters: undefined },
    standing: { now: sound, isFailingElsewhere: false },
    loaded: [],
    serial: 1,
    held: 0,
    learnSuspect: () => {},
    isReady: () => true,
    refuse: () => {},
    close: async () => {},
  };
  registry.step(entry, "ready", { served });
}
