/**
 * Makes a front's registry what the primary's is, at the start and whenever that has changed.
 *
 * Each version takes the same steps as where it was loaded, without doing anything on the way. What
 * a front has already stays as it is.
 */
import type { Instance } from "../../engine/index.ts";
import type { Registry, VersionEntry, VersionState } from "../../registry/index.ts";
import { type ServeOptions, serveVersion } from "../load-version.ts";
import type { ServedVersion } from "../served-version.ts";
import { type InstanceSeed, type RegistrySeed, type ServedSeed, sampleOf } from "./seeds.ts";

export interface AdoptOptions extends ServeOptions {
  readonly registry: Registry<ServedVersion>;
  /** Gives the instance of which the primary tells under a number. */
  addInstance(seed: InstanceSeed): Instance;
}

const steps: readonly VersionState[] = ["validated", "loading", "probing", "warming"];

/** @returns what was served here and is no more, to be ended by the caller */
export function adoptVersions(options: AdoptOptions, seed: RegistrySeed): ServedVersion[] {
  const { registry } = options;
  const left: ServedVersion[] = [];
  for (const { model, version, isRequired, state, reason, served } of seed.versions) {
    const known = registry.models.get(model)?.versions.get(version);
    const entry = known ?? registry.register({ model, version, isRequired });
    if (served !== undefined && entry.served?.serial === served.serial) {
      entry.reason = reason;
      continue;
    }
    const next = registry.successor(entry);
    if (served !== undefined) serveSeed(options, next, served);
    else if (state === "failed") registry.step(next, "failed", { reason });
    else if (state === "draining" || state === "unloaded") {
      registry.step(next, "unloaded", { reason });
    }
    const before = registry.replace(next);
    if (before !== undefined) left.push(before);
  }
  for (const alias of seed.aliases) registry.nameAlias(alias);
  return left;
}

function serveSeed(
  options: AdoptOptions,
  entry: VersionEntry<ServedVersion>,
  seed: ServedSeed,
): void {
  const { registry } = options;
  for (const step of steps) registry.step(entry, step);
  const { signature, loadMs, readyAtWallMs, isFailing, serial } = seed;
  const made = serveVersion(options, entry, {
    pack: seed.package,
    probe: { signature, sample: sampleOf(seed.sample) },
    instances: seed.instances.map((each) => options.addInstance(each)),
    loadMs,
    readyAtWallMs,
    serial,
  });
  made.standing.isFailingElsewhere = isFailing;
  registry.step(entry, "ready", { served: made });
}
