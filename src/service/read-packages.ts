/**
 * Reads packages with what the operator says about all of them.
 */
import { type Limits, ServingError } from "../base/index.ts";
import {
  hasLocale,
  localePlaces,
  type ModelPackage,
  type PackageLocation,
  type RunSettings,
  readPackage,
} from "../model/index.ts";

export interface ReadOptions {
  readonly limits: Limits;
  /** Absolute path of a folder for rewritten models. */
  readonly cacheFolder: string;
  /** In place of what all packages say. */
  readonly overrides: RunSettings;
}

/** A package that was read, or why it could not be. */
export interface ReadPackage {
  readonly location: PackageLocation;
  readonly pack: ModelPackage | undefined;
  readonly error: ServingError | undefined;
}

/** Never rejects. */
export async function readOne(
  options: ReadOptions,
  location: PackageLocation,
): Promise<ReadPackage> {
  try {
    const pack = await readPackage(location, {
      limits: options.limits,
      cacheFolder: options.cacheFolder,
      hasLocale: (name) => hasLocale(name, localePlaces(process.env)),
    });
    return { location, pack: withOverrides(pack, options.overrides), error: undefined };
  } catch (thrown) {
    return { location, pack: undefined, error: ServingError.from(thrown) };
  }
}

/** The package with `said` in place of what it says itself. */
export function withOverrides(pack: ModelPackage, said: RunSettings): ModelPackage {
  const { settings } = pack;
  const batching = {
    ...settings.batching,
    itemsMax: said.itemsMax ?? settings.batching.itemsMax,
    delayMsMax: said.delayMsMax ?? settings.batching.delayMsMax,
  };
  const instances = said.instances ?? settings.instances;
  const threads = said.threads ?? settings.threads;
  const requestItemsMax = said.requestItemsMax ?? settings.limits.requestItemsMax;
  const limits = { ...settings.limits, requestItemsMax };
  return { ...pack, settings: { ...settings, batching, instances, threads, limits } };
}
