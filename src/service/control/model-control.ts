/**
 * Loads and unloads models while the server runs, in the front that keeps the workers.
 *
 * One operation a model at a time, a few in all; the rest is refused and not queued, so that who
 * waits knows for what. A version that serves is replaced only by one that is ready, and goes when
 * what began on it has ended. Other fronts are told by `publish` before an instance is closed.
 * Invariant: whatever fails on the way, what served before an operation serves after it, unless it
 * was to be unloaded.
 */
import { isDeepStrictEqual } from "node:util";
import { quote, ServingError } from "../../base/index.ts";
import type { ModelAlias, ModelPackage, RunSettings } from "../../model/index.ts";
import type { VersionEntry } from "../../registry/index.ts";
import { type LoadModelsOptions, registerFailed } from "../load-models.ts";
import { loadVersion } from "../load-version.ts";
import { readOne, withOverrides } from "../read-packages.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";
import type { Control, LoadAsk, UnloadAsk } from "./control.ts";
import { findModel, notFound } from "./find-model.ts";
import { retire } from "./retire.ts";

export interface ModelControlOptions extends LoadModelsOptions {
  readonly service: Service;
  /** Tells the other fronts what is served now; settles when they have left the rest. */
  publish(): Promise<void>;
}

/** What came of one version: a reason, or nothing to complain of. */
type Fault = string | undefined;

export class ModelControl implements Control {
  readonly #options: ModelControlOptions;
  /** Models with an operation under way; at most `modelOperationsMax`. */
  readonly #busy = new Set<string>();

  constructor(options: ModelControlOptions) {
    this.#options = options;
  }

  async load(ask: LoadAsk): Promise<void> {
    await this.#alone(ask.model, () => this.#load(ask));
  }

  async unload({ model: name, version }: UnloadAsk): Promise<void> {
    await this.#alone(name, async () => {
      const { registry } = this.#options;
      const asked = registry.entry(name, version);
      const all = [...(registry.models.get(name)?.versions.values() ?? [])];
      await this.#unload(version === undefined ? all : [asked]);
    });
  }

  /** @throws MODEL_BUSY, SERVER_NOT_READY, DRAINING */
  async #alone(model: string, act: () => Promise<void>): Promise<void> {
    const { service, limits } = this.#options;
    if (service.phase === "starting") {
      throw new ServingError("SERVER_NOT_READY", "the server is starting: models are being loaded");
    }
    if (service.phase !== "serving") {
      throw new ServingError("DRAINING", "the server is stopping: try another one");
    }
    if (this.#busy.has(model)) {
      const message = `model ${quote(model)} is being loaded or unloaded already`;
      throw new ServingError("MODEL_BUSY", message);
    }
    const { modelOperationsMax } = limits;
    if (this.#busy.size >= modelOperationsMax) {
      const message = `${modelOperationsMax} models are being loaded or unloaded already`;
      throw new ServingError("MODEL_BUSY", message, { limit: "modelOperationsMax" });
    }
    this.#busy.add(model);
    try {
      await act();
    } finally {
      this.#busy.delete(model);
    }
  }

  async #load(ask: LoadAsk): Promise<void> {
    const options = this.#options;
    const { registry } = options;
    const found = await findModel(options, ask);
    const faults: Fault[] = [];
    const kept = new Set<string>();
    for (const { version, reason } of found.refused) {
      if (version === undefined && registry.models.has(ask.model)) faults.push(reason);
      else faults.push(this.#refused({ model: ask.model, version: version ?? "0" }, reason));
      kept.add(version ?? "0");
    }
    const retired: ServedVersion[] = [];
    for (const location of found.packages) {
      const { pack, error } = await readOne(options, location);
      const { name: model, version } = pack ?? location;
      if (model !== ask.model) continue;
      kept.add(version);
      if (pack !== undefined) {
        faults.push(await this.#bring(asAsked(pack, ask.settings), retired));
      } else faults.push(this.#refused({ model, version }, error?.message ?? "it cannot be read"));
    }
    if (kept.size === 0) throw notFound(ask.model);
    const known = [...(registry.models.get(ask.model)?.versions.values() ?? [])];
    const gone = found.refused.some((each) => each.version === undefined)
      ? []
      : known.filter((entry) => !kept.has(entry.version));
    await this.#unload(gone, retired);
    faults.push(...this.#nameAliases(ask.model, found.aliases));
    const fault = faults.find((each) => each !== undefined);
    if (fault === undefined) return;
    const message = `failed to load ${quote(ask.model)}: ${fault}`;
    throw new ServingError("MODEL_LOAD_FAILED", message);
  }

  /** Makes a version serve what its folder has now. */
  async #bring(pack: ModelPackage, retired: ServedVersion[]): Promise<Fault> {
    const options = this.#options;
    const { registry } = options;
    const place = { model: pack.name, version: pack.version, isRequired: false };
    const before = registry.models.get(place.model)?.versions.get(place.version);
    if (before === undefined) {
      try {
        const entry = registry.register(place);
        await loadVersion(options, entry, pack);
        return entry.state === "failed" ? entry.reason : undefined;
      } catch (thrown) {
        return ServingError.from(thrown).message;
      }
    }
    if (before.served !== undefined && isSame(before.served.package, pack)) {
      before.reason = "";
      return undefined;
    }
    const next = registry.successor(before);
    await loadVersion(options, next, pack);
    if (next.state === "ready") {
      const old = registry.replace(next);
      if (old !== undefined) retired.push(old);
      return undefined;
    }
    if (before.served === undefined) registry.replace(next);
    else before.reason = `the last load failed: ${next.reason}`;
    return next.reason;
  }

  /** A version whose folder cannot be read: what serves stays. */
  #refused(place: { model: string; version: string }, reason: string): Fault {
    const entry = this.#options.registry.models.get(place.model)?.versions.get(place.version);
    const error = new ServingError("MODEL_INVALID", reason);
    registerFailed(this.#options, { ...place, isRequired: false }, error);
    if (entry !== undefined) entry.reason = `the last load failed: ${reason}`;
    return reason;
  }

  /** The operator's own aliases win over those of the folder. */
  #nameAliases(model: string, found: readonly ModelAlias[]): Fault[] {
    const { registry, aliases } = this.#options;
    const own = aliases.filter((each) => each.model === model);
    return [...found, ...own].map((alias) => {
      try {
        registry.nameAlias(alias);
        return undefined;
      } catch (thrown) {
        return ServingError.from(thrown).message;
      }
    });
  }

  /** @param retired versions that were replaced, and go with these */
  async #unload(
    entries: readonly VersionEntry<ServedVersion>[],
    retired: ServedVersion[] = [],
  ): Promise<void> {
    const { registry, clock, limits, log } = this.#options;
    const leaving = entries.filter((entry) => entry.state === "ready");
    for (const entry of leaving) {
      if (entry.served !== undefined) retired.push(entry.served);
      registry.step(entry, "draining", { reason: "unloading" });
    }
    for (const entry of entries) {
      if (entry.state === "failed") registry.step(entry, "unloaded", { reason: "unloaded" });
    }
    await this.#options.publish();
    await Promise.all(retired.map((served) => retire(served, clock, limits.shutdownMsMax)));
    for (const entry of leaving) registry.step(entry, "unloaded", { reason: "unloaded" });
    if (leaving.length > 0) await this.#options.publish();
    for (const { model, version } of leaving) log.info("unloaded", { model, version });
  }
}

/** The same files, run the same way. */
function isSame(one: ModelPackage, other: ModelPackage): boolean {
  return one.digest === other.digest && isDeepStrictEqual(one.settings, other.settings);
}

/** Where Triton's `max_batch_size` bounds requests, the one in its place does. */
function asAsked(pack: ModelPackage, said: RunSettings | undefined): ModelPackage {
  if (said === undefined) return pack;
  const isBound = pack.layout === "triton" && pack.settings.limits.requestItemsMax !== undefined;
  return withOverrides(pack, { ...said, requestItemsMax: isBound ? said.itemsMax : undefined });
}
