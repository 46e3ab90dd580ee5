/**
 * The models that are known: names, versions, aliases, states.
 *
 * Answers one question on the hot path - which version does this name mean - with two Map
 * look-ups. Decides nothing about loading: the service moves states and hands in what serves
 * (`T`). A name is a version, else an alias. Where nobody has given `stable` away it is what
 * `latest` is, the highest version that serves; given, it stays where it was put, whether that
 * version serves or not: a pin that gives way is none. Invariant: a version is found only while it
 * has something that serves it; a failed one keeps its reason.
 */
import { ServingError } from "../base/index.ts";
import {
  aliasesMax,
  compareVersions,
  latestAlias,
  type ModelAlias,
  stableAlias,
} from "../model/index.ts";
import { assertStep, type VersionState } from "./version-state.ts";

/** Models that one server will know at most. */
const modelsMax = 10_000;
/** Versions of one model at most. */
const versionsMax = 1_000;

export interface VersionEntry<T> {
  readonly model: string;
  readonly version: string;
  /** 1, 2, 3 by registration: the integer for protocols that want one. */
  readonly revision: number;
  /** A server is ready only when its required versions are. */
  readonly isRequired: boolean;
  state: VersionState;
  /** Why it failed, or cannot be loaded again, in words for an operator; "" otherwise. */
  reason: string;
  /** What answers, while state is `ready`. */
  served: T | undefined;
}

export interface ModelEntry<T> {
  readonly name: string;
  readonly versions: Map<string, VersionEntry<T>>;
  /** Version by alias, at most `aliasesMax`; those that were given, so never `latest`. */
  readonly aliases: Map<string, string>;
  /** What answers when no version is asked for; kept up to date by every change. */
  chosen: VersionEntry<T> | undefined;
}

/** Which alias answers when no version is asked for. */
export type DefaultVersion = "stable" | "latest";

export interface RegisterOptions {
  readonly model: string;
  readonly version: string;
  readonly isRequired: boolean;
}

export class Registry<T> {
  /** At most `modelsMax` entries. */
  readonly #models = new Map<string, ModelEntry<T>>();
  readonly #defaultVersion: DefaultVersion;

  constructor(defaultVersion: DefaultVersion = "stable") {
    this.#defaultVersion = defaultVersion;
  }

  /** All models by name, in order of registration. */
  get models(): ReadonlyMap<string, ModelEntry<T>> {
    return this.#models;
  }

  /** @throws MODEL_INVALID when the version exists or a count is over its limit */
  register(options: RegisterOptions): VersionEntry<T> {
    const model = this.#models.get(options.model) ?? this.#newModel(options);
    const { version } = options;
    if (model.versions.has(version)) {
      const message = `model '${model.name}' has version '${version}' twice`;
      throw new ServingError("MODEL_INVALID", message);
    }
    if (model.versions.size >= versionsMax) {
      throw new ServingError("MODEL_INVALID", `more than ${versionsMax} versions of one model`);
    }
    const revision = model.versions.size + 1;
    const entry: VersionEntry<T> = {
      model: options.model,
      version,
      revision,
      isRequired: options.isRequired,
      state: "registered",
      reason: "",
      served: undefined,
    };
    model.versions.set(version, entry);
    this.#choose(model);
    return entry;
  }

  /**
   * Gives a version a name, or moves the name to it.
   *
   * @throws MODEL_INVALID when there is no such model or version, or the model has too many names
   */
  nameAlias({ model: name, alias, version }: ModelAlias): void {
    const model = this.#models.get(name);
    const text = `alias '${alias}' of model '${name}'`;
    if (model === undefined) {
      throw new ServingError("MODEL_INVALID", `${text}: there is no such model`);
    }
    if (!model.versions.has(version)) {
      const known = knownVersions(model);
      const message = `${text}: got version '${version}', expected one it has: ${known}`;
      throw new ServingError("MODEL_INVALID", message);
    }
    if (model.aliases.size >= aliasesMax && !model.aliases.has(alias)) {
      throw new ServingError("MODEL_INVALID", `${text}: more than ${aliasesMax} aliases`);
    }
    model.aliases.set(alias, version);
    this.#choose(model);
  }

  /** Moves a version one legal step; `served` comes with `ready` and goes with the next step. */
  step(
    entry: VersionEntry<T>,
    to: VersionState,
    change: { served?: T; reason?: string } = {},
  ): void {
    assertStep(entry.state, to);
    entry.state = to;
    entry.reason = change.reason ?? "";
    entry.served = to === "ready" ? change.served : undefined;
    const model = this.#models.get(entry.model);
    if (model !== undefined) this.#choose(model);
  }

  /**
   * Makes what is loaded beside a version that serves, to take its place by `replace`. It is in no
   * list and answers nobody.
   */
  successor({ model, version, revision, isRequired }: VersionEntry<T>): VersionEntry<T> {
    const fresh = { state: "registered", reason: "", served: undefined } as const;
    return { model, version, revision, isRequired, ...fresh };
  }

  /** Puts `next`, which is ready, where another entry of its version was; gives what served. */
  replace(next: VersionEntry<T>): T | undefined {
    const model = this.#models.get(next.model);
    const before = model?.versions.get(next.version);
    if (model === undefined || before === undefined) throw noSuchEntry(next);
    model.versions.set(next.version, next);
    this.#choose(model);
    return before.served;
  }

  /**
   * The version that a caller means.
   *
   * @param version a version or an alias; "" and `undefined` for the model's default
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY
   */
  find(name: string, version: string | undefined): T {
    const model = this.#models.get(name);
    if (model === undefined) {
      const message = `Request for unknown model: '${shorten(name)}' is not found`;
      throw new ServingError("MODEL_NOT_FOUND", message);
    }
    const entry =
      version === undefined || version === "" ? model.chosen : this.#named(model, version);
    if (entry?.served !== undefined) return entry.served;
    throw notServed(model, entry);
  }

  /** Like `find`, for a version in any state. */
  entry(name: string, version: string | undefined): VersionEntry<T> {
    const model = this.#models.get(name);
    if (model === undefined) {
      const message = `Request for unknown model: '${shorten(name)}' is not found`;
      throw new ServingError("MODEL_NOT_FOUND", message);
    }
    const isDefault = version === undefined || version === "";
    const entry = isDefault ? model.chosen : this.#named(model, version);
    if (entry === undefined) throw notServed(model, undefined);
    return entry;
  }

  #newModel(options: RegisterOptions): ModelEntry<T> {
    if (this.#models.size >= modelsMax) {
      throw new ServingError("MODEL_INVALID", `more than ${modelsMax} models`);
    }
    const model: ModelEntry<T> = {
      name: options.model,
      versions: new Map(),
      aliases: new Map(),
      chosen: undefined,
    };
    this.#models.set(options.model, model);
    return model;
  }

  #named(model: ModelEntry<T>, version: string): VersionEntry<T> {
    const direct = model.versions.get(version) ?? aliased(model, version);
    if (direct !== undefined) return direct;
    const known = knownVersions(model);
    const message = `model '${model.name}' has no version '${shorten(version)}': it has ${known}`;
    throw new ServingError("VERSION_NOT_FOUND", message);
  }

  #choose(model: ModelEntry<T>): void {
    model.chosen = aliased(model, this.#defaultVersion);
  }
}

/** The version behind an alias; `latest`, and `stable` that nobody gave away, are the highest. */
function aliased<T>(model: ModelEntry<T>, alias: string): VersionEntry<T> | undefined {
  const given = model.aliases.get(alias);
  if (given !== undefined) return model.versions.get(given);
  return alias === latestAlias || alias === stableAlias ? highest(model) : undefined;
}

/** What a caller who asked for another one could have asked for, short enough for a line. */
function knownVersions<T>({ versions, aliases }: ModelEntry<T>): string {
  return [...aliases.keys(), ...versions.keys()].slice(0, 8).join(", ");
}

/** The highest version that serves; if none does, the highest of all. */
function highest<T>(model: ModelEntry<T>): VersionEntry<T> | undefined {
  let best: VersionEntry<T> | undefined;
  for (const entry of model.versions.values()) {
    if (best === undefined) best = entry;
    else if ((entry.served !== undefined) !== (best.served !== undefined)) {
      if (entry.served !== undefined) best = entry;
    } else if (compareVersions(entry.version, best.version) > 0) best = entry;
  }
  return best;
}

function notServed<T>(model: ModelEntry<T>, entry: VersionEntry<T> | undefined): ServingError {
  const isAnyServed = [...model.versions.values()].some((each) => each.served !== undefined);
  const message =
    isAnyServed && entry !== undefined
      ? `version '${entry.version}' of model '${model.name}' is ${entry.state}`
      : `Request for unknown model: '${model.name}' has no available versions`;
  return new ServingError("MODEL_NOT_READY", message);
}

function noSuchEntry<T>({ model, version }: VersionEntry<T>): ServingError {
  return new ServingError("INTERNAL", "internal error: no version to take the place of", {
    cause: new Error(`${model} ${version}`),
  });
}

function shorten(text: string): string {
  return text.length > 128 ? `${text.slice(0, 125)}...` : text;
}
