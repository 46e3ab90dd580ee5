/**
 * Reads every package behind a path, without running it, for the commands that only look.
 */
import { join } from "node:path";
import { defaultLimits, ServingError } from "../../base/index.ts";
import {
  discoverPackages,
  hasLocale,
  localePlaces,
  type ModelPackage,
  readPackage,
} from "../../model/index.ts";
import { cacheFolderOf } from "../cache-folder.ts";

export interface Refusal {
  readonly name: string;
  readonly version: string | undefined;
  readonly reason: string;
}

export interface FoundPackages {
  /** By model name, from the lowest version up. */
  readonly packages: readonly ModelPackage[];
  readonly refused: readonly Refusal[];
}

/** @throws MODEL_INVALID when the path itself holds no model */
export async function readPackages(path: string): Promise<FoundPackages> {
  const found = await discoverPackages([path], { name: undefined });
  const refused: Refusal[] = [...found.refused];
  const packages: ModelPackage[] = [];
  const options = {
    limits: defaultLimits,
    cacheFolder: join(cacheFolderOf(process.env["MILLRACE_CACHE_FOLDER"] ?? ""), "models"),
    hasLocale: (name: string) => hasLocale(name, localePlaces(process.env)),
  };
  for (const location of found.packages) {
    try {
      packages.push(await readPackage(location, options));
    } catch (thrown) {
      if (!ServingError.is(thrown)) throw thrown;
      const { name, version } = location;
      refused.push({ name, version, reason: thrown.message });
    }
  }
  return { packages, refused };
}
