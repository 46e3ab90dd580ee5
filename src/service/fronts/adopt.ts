/**
 * Puts into a front's registry what the primary has told of it.
 *
 * Each version takes the same steps as where it was loaded, without doing anything on the way.
 */
import type { Instance, InstanceState } from "../../engine/index.ts";
import type { Registry, VersionState } from "../../registry/index.ts";
import { type ServeOptions, serveVersion } from "../load-version.ts";
import type { ServedVersion } from "../served-version.ts";
import { type RegistrySeed, sampleOf } from "./seeds.ts";

export interface AdoptOptions extends ServeOptions {
  readonly registry: Registry<ServedVersion>;
  /** Gives the instance of which the primary tells under the next number. */
  addInstance(state: InstanceState): Instance;
}

const steps: readonly VersionState[] = ["validated", "loading", "probing", "warming"];

/** REQUIRES: the registry is empty. */
export function adoptVersions(options: AdoptOptions, seed: RegistrySeed): void {
  const { registry } = options;
  for (const { model, version, isRequired, state, reason, served } of seed.versions) {
    const entry = registry.register({ model, version, isRequired });
    if (served === undefined) {
      if (state === "failed") registry.step(entry, "failed", { reason });
      continue;
    }
    for (const step of steps) registry.step(entry, step);
    const { signature, loadMs, readyAtWallMs, isFailing } = served;
    const made = serveVersion(options, entry, {
      pack: served.package,
      probe: { signature, sample: sampleOf(served.sample) },
      instances: served.instances.map((each) => options.addInstance(each)),
      loadMs,
      readyAtWallMs,
    });
    made.standing.isFailingElsewhere = isFailing;
    registry.step(entry, "ready", { served: made });
  }
  for (const alias of seed.aliases) registry.nameAlias(alias);
}
