/**
 * Finds the models behind the operator's paths and brings all of them to ready, or to a reason.
 *
 * Packages are read first and registered in the order of the paths, so that lists keep that order;
 * then they load side by side. A member of a repository may fail alone; a model that was named
 * itself must load, or the whole start fails when all are done.
 */
import { ServingError } from "../base/index.ts";
import { discoverPackages, type ModelAlias, type ModelPackage } from "../model/index.ts";
import { causeText } from "../observe/index.ts";
import type { VersionEntry } from "../registry/index.ts";
import { type LoaderOptions, loadVersion } from "./load-version.ts";
import { type ReadOptions, type ReadPackage, readOne } from "./read-packages.ts";
import type { ServedVersion } from "./served-version.ts";

/** Told after each version that is done. */
export type LoadProgress = (done: number, total: number) => void;

export interface LoadModelsOptions extends LoaderOptions, ReadOptions {
  readonly paths: readonly string[];
  /** Name of the only model, or `undefined`. */
  readonly name: string | undefined;
  /** Folders may be filled later. */
  readonly mayBeEmpty: boolean;
  /** The operator's own; they win over those of the models' folders. */
  readonly aliases: readonly ModelAlias[];
  /** Versions that load at the same time, >= 1. */
  readonly loadsMax: number;
  readonly progress: LoadProgress | undefined;
}

/**
 * @throws MODEL_LOAD_FAILED, MODEL_INVALID when a model that was named itself did not load, or an
 *   alias names what there is not
 */
export async function loadModels(options: LoadModelsOptions): Promise<void> {
  const { paths, name, mayBeEmpty } = options;
  const found = await discoverPackages(paths, { name, mayBeEmpty });
  for (const { name: model, version = "0", reason } of found.refused) {
    const place = { model, version, isRequired: false };
    registerFailed(options, place, new ServingError("MODEL_INVALID", reason));
  }
  const reads = await eachAtOnce(found.packages, options.loadsMax, (location) =>
    readOne(options, location),
  );
  const jobs = reads.flatMap((read) => register(options, read));
  for (const alias of [...found.aliases, ...options.aliases]) options.registry.nameAlias(alias);
  let done = reads.length - jobs.length;
  options.progress?.(done, reads.length);
  await eachAtOnce(jobs, options.loadsMax, async ({ entry, pack }) => {
    await loadVersion(options, entry, pack);
    done += 1;
    options.progress?.(done, reads.length);
  });
  refuseMissing(options);
}

/** Runs `act` on each with at most `atOnceMax` under way; the results in order. */
async function eachAtOnce<A, B>(
  all: readonly A[],
  atOnceMax: number,
  act: (each: A) => Promise<B>,
): Promise<B[]> {
  const results: B[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    for (let index = next++; index < all.length; index = next++) {
      results[index] = await act(all[index] as A);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, all.length) }, runner));
  return results;
}

interface Job {
  readonly entry: VersionEntry<ServedVersion>;
  readonly pack: ModelPackage;
}

/** The job of a package that may load; a package that may not is registered with its reason. */
function register(options: LoadModelsOptions, read: ReadPackage): Job[] {
  const { location, pack, error } = read;
  const { isRequired } = location;
  const { name: model, version } = pack ?? location;
  const place = { model, version, isRequired };
  if (pack === undefined) {
    registerFailed(options, place, error ?? new ServingError("INTERNAL", "internal error"));
    return [];
  }
  try {
    return [{ entry: options.registry.register(place), pack }];
  } catch (thrown) {
    const twice = ServingError.from(thrown);
    if (isRequired) throw twice;
    registerFailed(options, place, twice);
    return [];
  }
}

interface Place {
  readonly model: string;
  readonly version: string;
  readonly isRequired: boolean;
}

/** Registers a version that may not load, with its reason. */
export function registerFailed(options: LoaderOptions, place: Place, error: ServingError): void {
  const { registry, log, metrics } = options;
  if (error.limit !== undefined) metrics.limitHits.add(error.limit);
  const { model, version } = place;
  const facts = { model, version, code: error.code, cause: causeText(error.cause) };
  log.error(`failed to load '${model}' ${version}: ${error.message}`, facts);
  if (registry.models.get(model)?.versions.has(version) === true) return;
  registry.step(registry.register(place), "failed", { reason: error.message });
}

/** @throws MODEL_LOAD_FAILED naming each required version that is not ready; why is in the log */
function refuseMissing({ registry }: LoadModelsOptions): void {
  const failed: string[] = [];
  for (const model of registry.models.values()) {
    for (const entry of model.versions.values()) {
      const isMissing = entry.isRequired && entry.state === "failed";
      if (isMissing) failed.push(`'${entry.model}' ${entry.version}`);
    }
  }
  if (failed.length === 0) return;
  const message = `${failed.join(", ")} must load and did not; the reason was logged`;
  throw new ServingError("MODEL_LOAD_FAILED", message);
}
