/**
 * What every door calls: find a version, run a request on it, say how the server is.
 *
 * Protocol-neutral: no word of HTTP or JSON. Doors translate and nothing more, so limits, errors,
 * batching and answers are the same through each of them.
 */
import { type Clock, type Limits, ServingError } from "../base/index.ts";
import type { ServerMetrics } from "../observe/index.ts";
import type { InferenceRequest, InferenceResponse, RequestContext } from "../predict/index.ts";
import type { Registry } from "../registry/index.ts";
import { UnreadReplies } from "../transport/index.ts";
import type { Control } from "./control/control.ts";
import { DeepHealth } from "./deep-health.ts";
import type { FiguresAsk, GatherFigures } from "./fronts/whole.ts";
import { type ServerHealth, type ServerPhase, serverHealth, wasUnloaded } from "./health.ts";
import type { ServedVersion } from "./served-version.ts";
import { OpenStreams } from "./streams/open-streams.ts";

export interface ServiceOptions {
  readonly registry: Registry<ServedVersion>;
  readonly metrics: ServerMetrics;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The model of a simple request that names none; "" means the only one. */
  readonly defaultModel: string;
}

export class Service {
  readonly registry: Registry<ServedVersion>;
  readonly metrics: ServerMetrics;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The streams of all doors. */
  readonly streams: OpenStreams;
  /** What waits for the readers of all doors. */
  readonly unread: UnreadReplies;
  phase: ServerPhase = "starting";
  /** Gathers the figures of all fronts; `undefined` while this one is alone. */
  gather: GatherFigures | undefined;
  /** Loads and unloads models for doors; `undefined` where that is not offered. */
  control: Control | undefined;
  readonly #defaultModel: string;
  readonly #deep: DeepHealth;

  constructor(options: ServiceOptions) {
    this.registry = options.registry;
    this.metrics = options.metrics;
    this.limits = options.limits;
    this.clock = options.clock;
    this.#defaultModel = options.defaultModel;
    this.#deep = new DeepHealth(this);
    this.streams = new OpenStreams(options.limits);
    this.unread = new UnreadReplies({
      ...{ limits: options.limits, clock: options.clock },
      limitHit: (name) => this.metrics.limitHits.add(name),
    });
    options.metrics.http.unreadBytes = () => this.unread.bytes;
    options.metrics.http.streams = () => this.streams.count;
    options.metrics.http.streamBufferBytes = () => this.streams.unreadBytes;
  }

  /**
   * The version that a caller means.
   *
   * @param version "" or `undefined` for the model's default
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, SERVER_NOT_READY
   */
  find(model: string, version: string | undefined): ServedVersion {
    try {
      return this.registry.find(model, version);
    } catch (thrown) {
      const error = ServingError.from(thrown);
      if (this.phase !== "starting" || error.code === "VERSION_NOT_FOUND") throw error;
      throw new ServingError("SERVER_NOT_READY", "the server is starting: models are being loaded");
    }
  }

  /** The model that is meant when none is named, or `undefined` when several might be. */
  get onlyModel(): string | undefined {
    if (this.#defaultModel !== "") return this.#defaultModel;
    const { models } = this.registry;
    let only: string | undefined;
    for (const { name, versions } of models.values()) {
      // What was unloaded is meant by nobody, unless it is all there is.
      if (models.size > 1 && [...versions.values()].every(wasUnloaded)) continue;
      if (only !== undefined) return undefined;
      only = name;
    }
    return only;
  }

  /** @throws INVALID_REQUEST when a request names no model and there is more than one */
  needModel(): string {
    const name = this.onlyModel;
    if (name !== undefined) return name;
    const names = [...this.registry.models.keys()].slice(0, 8).join(", ");
    const message =
      this.registry.models.size === 0
        ? "this server has no model"
        : `Missing 'model_name' in request: this server has ${names}`;
    const code = this.registry.models.size === 0 ? "MODEL_NOT_FOUND" : "INVALID_REQUEST";
    throw new ServingError(code, message, { field: "model_name" });
  }

  /** @throws DRAINING once the server no longer takes work */
  admit(): void {
    if (this.phase === "stopped") {
      throw new ServingError("DRAINING", "the server is stopping: try another one");
    }
  }

  /** Runs a checked request. Not async: one promise a request is all that the hot path pays. */
  infer(
    served: ServedVersion,
    request: InferenceRequest,
    context: RequestContext,
  ): Promise<InferenceResponse> {
    return served.predictor.predict(request, context);
  }

  /** Every version that answers now, by model and in order of registration. */
  servedVersions(): ServedVersion[] {
    const all: ServedVersion[] = [];
    for (const model of this.registry.models.values()) {
      for (const entry of model.versions.values()) {
        if (entry.served !== undefined) all.push(entry.served);
      }
    }
    return all;
  }

  /** The counters of the whole server. @throws OVERLOADED when its primary does not answer */
  async wholeMetrics(ask: Pick<FiguresAsk, "hasWindows">): Promise<ServerMetrics> {
    if (this.gather === undefined) return this.metrics;
    return (await this.gather({ ...ask, hasLoopDelay: false })).metrics;
  }

  health(): ServerHealth {
    return serverHealth(this.registry, this.phase);
  }

  /** Readiness, with a run of each ready version's sample, of now or of the last second. */
  deepHealth(): Promise<ServerHealth> {
    return this.#deep.look();
  }
}
