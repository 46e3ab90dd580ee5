/**
 * How the server is.
 *
 * Live: the loop answers, so there is nothing to compute. Ready: the server serves, and each
 * required version has an instance that would run a batch. A version that was not required may
 * fail alone. Deep health runs a real prediction on every ready version, and waits for it at most
 * two seconds.
 */
import { Cancellation } from "../base/index.ts";
import type { RequestContext } from "../predict/index.ts";
import type { ModelEntry, Registry, VersionEntry } from "../registry/index.ts";
import type { ServedVersion } from "./served-version.ts";

/** Where the server is in its life. */
export type ServerPhase = "starting" | "serving" | "draining" | "stopped";

export interface ServerHealth {
  readonly isReady: boolean;
  /** True when at least one version answers. */
  readonly isModelLoaded: boolean;
  /** What is in the way, in words; empty when ready. */
  readonly problems: readonly string[];
}

const deepMsMax = 2_000;

/** The state of a version, as the world sees it. */
export function isVersionReady(entry: VersionEntry<ServedVersion>): boolean {
  return entry.state === "ready" && entry.served?.isReady() === true;
}

/** True when the model has a version that would answer now. */
export function isModelReady(model: ModelEntry<ServedVersion>): boolean {
  return model.chosen !== undefined && isVersionReady(model.chosen);
}

/** Readiness from the states alone. */
export function serverHealth(registry: Registry<ServedVersion>, phase: ServerPhase): ServerHealth {
  const problems: string[] = [];
  if (phase !== "serving") problems.push(`the server is ${phase}`);
  let isModelLoaded = false;
  for (const model of registry.models.values()) {
    for (const entry of model.versions.values()) {
      if (entry.served !== undefined) isModelLoaded = true;
      if (!entry.isRequired || isVersionReady(entry)) continue;
      const state = entry.state === "ready" ? "restarting its worker" : entry.state;
      problems.push(`${entry.model} ${entry.version} is ${state}`);
    }
  }
  return { isReady: problems.length === 0, isModelLoaded, problems };
}

interface Deep {
  readonly registry: Registry<ServedVersion>;
  readonly phase: ServerPhase;
  readonly clock: { nowMs(): number };
  servedVersions(): ServedVersion[];
}

/** Readiness, with a real prediction on each version that answers. */
export async function deepHealth(service: Deep): Promise<ServerHealth> {
  const health = serverHealth(service.registry, service.phase);
  const problems = [...health.problems];
  const probes = service.servedVersions().map(async (served) => {
    try {
      await served.predictor.predict(served.sample, deepContext(service.clock.nowMs()));
    } catch {
      problems.push(`${served.model} ${served.version} failed its sample`);
    }
  });
  await Promise.all(probes);
  return { ...health, isReady: problems.length === 0, problems };
}

/** A request context for a request of our own. */
function deepContext(nowMs: number): RequestContext {
  return {
    requestId: "deep-health",
    deadlineAtMs: nowMs + deepMsMax,
    priority: 0,
    cancellation: new Cancellation(),
    times: {
      arrivedAtMs: nowMs,
      decodedAtMs: nowMs,
      sentAtMs: 0,
      answeredAtMs: 0,
      runMs: 0,
      batchItems: 0,
    },
  };
}
