/**
 * How the server is.
 *
 * Live: the loop answers, so there is nothing to compute. Ready: the server serves, each required
 * version has an instance that would run a batch and does not fail its own sample, and so has at
 * least one of those that may fail alone. A server without any model is ready: it does all that was
 * asked of it. What was unloaded while it ran is asked of it no more.
 */
import type { ModelEntry, Registry, VersionEntry } from "../registry/index.ts";
import type { ServedVersion } from "./served-version.ts";
import { isFailing } from "./standing/watched-standing.ts";

/** Where the server is in its life. */
export type ServerPhase = "starting" | "serving" | "draining" | "stopped";

export interface ServerHealth {
  readonly isReady: boolean;
  /** True when at least one version would answer now. */
  readonly isModelLoaded: boolean;
  /** What is in the way, in words; empty when ready. */
  readonly problems: readonly string[];
}

/** The state of a version, as the world sees it. */
export function isVersionReady(entry: VersionEntry<ServedVersion>): boolean {
  return entry.state === "ready" && entry.served?.isReady() === true;
}

/** True when the model has a version that would answer now. */
export function isModelReady(model: ModelEntry<ServedVersion>): boolean {
  return model.chosen !== undefined && isVersionReady(model.chosen);
}

/** Somebody who may has unloaded it while the server ran. */
export function wasUnloaded({ state }: VersionEntry<ServedVersion>): boolean {
  return state === "draining" || state === "unloaded";
}

/** Why a version is not ready. */
function stateText({ state, served, reason }: VersionEntry<ServedVersion>): string {
  if (state !== "ready") return state;
  if (reason !== "") return `out of its worker: ${reason}`;
  const isSampleFailing = served !== undefined && isFailing(served.standing);
  return isSampleFailing ? "failing its sample" : "restarting its worker";
}

/** Readiness from the states alone. */
export function serverHealth(registry: Registry<ServedVersion>, phase: ServerPhase): ServerHealth {
  const problems: string[] = [];
  if (phase !== "serving") problems.push(`the server is ${phase}`);
  let isModelLoaded = false;
  let wanted = 0;
  for (const model of registry.models.values()) {
    for (const entry of model.versions.values()) {
      if (wasUnloaded(entry)) continue;
      wanted += 1;
      if (isVersionReady(entry)) isModelLoaded = true;
      else if (entry.isRequired) {
        problems.push(`${entry.model} ${entry.version} is ${stateText(entry)}`);
      }
    }
  }
  const isNoneReady = wanted > 0 && !isModelLoaded;
  if (isNoneReady && problems.length === 0) problems.push("no model is ready");
  return { isReady: problems.length === 0, isModelLoaded, problems };
}
