/**
 * `millrace inspect`: what is known about a model, without running it.
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
import { escapeControls } from "../../observe/index.ts";
import { cacheFolderOf } from "../cache-folder.ts";
import { exitCodes, print, say } from "../terminal.ts";
import { packageJson, packageTable } from "./inspect-words.ts";

export interface InspectFlags {
  readonly json?: boolean;
}

interface Refusal {
  readonly name: string;
  readonly version: string | undefined;
  readonly reason: string;
}

/** Prints every version behind a path; the exit code is 1 when one of them is refused. */
export async function inspect(path: string, flags: InspectFlags): Promise<void> {
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
  if (flags.json === true) {
    print(JSON.stringify({ models: packages.map(packageJson), refused }, undefined, 2));
  } else {
    for (const pack of packages) print(`${packageTable(pack)}\n`);
    for (const each of refused) say(`refused '${each.name}': ${escapeControls(each.reason)}`);
  }
  if (refused.length > 0) process.exitCode = exitCodes.failed;
}
