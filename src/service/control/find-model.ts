/**
 * Finds the packages of one model below the paths of the server, as they are now.
 *
 * A name is only compared and never part of a path; where a manifest may say another one, the
 * package is among those found, and whoever reads it knows. A place that a caller names must lie,
 * with all links followed, below one of the server's own paths.
 */
import { realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { quote, ServingError } from "../../base/index.ts";
import { type Discovery, discoverPackages, isModelName } from "../../model/index.ts";
import type { LoadAsk } from "./control.ts";

export interface ServerPaths {
  readonly paths: readonly string[];
  /** Name of the only model, or `undefined`. */
  readonly name: string | undefined;
}

/** @throws MODEL_NOT_FOUND, MODEL_INVALID, INVALID_REQUEST (a place that is no place of ours) */
export async function findModel(where: ServerPaths, ask: LoadAsk): Promise<Discovery> {
  const { model, place } = ask;
  if (!isModelName(model)) throw notFound(model);
  const found =
    place === undefined
      ? await discoverPackages(where.paths, { name: where.name, mayBeEmpty: true })
      : await discoverPackages([await ownPlace(where.paths, place)], { name: model });
  const packages = found.packages.filter(
    (each) => each.name === model || (!each.isNameFixed && each.hasManifest),
  );
  const refused = found.refused.filter((each) => each.name === model);
  if (packages.length + refused.length === 0) throw notFound(model);
  const aliases = found.aliases.filter((each) => each.model === model);
  return { packages, refused, aliases };
}

/** The real path behind `place`. @throws INVALID_REQUEST when there is none, or it is not ours */
async function ownPlace(paths: readonly string[], place: string): Promise<string> {
  for (const path of paths) {
    try {
      const root = await realpath(path);
      const real = await realpath(isAbsolute(place) ? place : join(root, place));
      if (real === root || real.startsWith(root + sep)) return real;
    } catch {
      // Nothing there, or not below this path.
    }
  }
  const message = `url: got ${quote(place)}, expected a model below the paths of this server`;
  throw new ServingError("INVALID_REQUEST", message, { field: "url" });
}

/** What is said when there is no such model. */
export function notFound(model: string): ServingError {
  const message = `failed to load ${quote(model)}: no such model below the paths of this server`;
  return new ServingError("MODEL_NOT_FOUND", message);
}
