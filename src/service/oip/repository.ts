/**
 * What the protocol's repository extension tells, and what is refused of the protocol.
 */
import { ServingError } from "../../base/index.ts";
import { isModelReady, isVersionReady } from "../health.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";

/** One version in the index. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  /** READY, LOADING, UNLOADING or UNAVAILABLE. */
  readonly state: string;
  readonly reason: string;
}

/** Every version that is known, or only those that would answer now. */
export function repositoryIndex(service: Service, isReadyOnly: boolean): IndexEntry[] {
  const index: IndexEntry[] = [];
  for (const model of service.registry.models.values()) {
    for (const entry of model.versions.values()) {
      const isReady = isVersionReady(entry);
      if (isReadyOnly && !isReady) continue;
      const state = isReady ? "READY" : (stateNames[entry.state] ?? "UNAVAILABLE");
      index.push({ name: entry.model, version: entry.version, state, reason: entry.reason });
    }
  }
  return index;
}

/** States of a version in the words of the protocol; the rest is UNAVAILABLE. */
const stateNames: Readonly<Record<string, string>> = {
  registered: "LOADING",
  validated: "LOADING",
  loading: "LOADING",
  probing: "LOADING",
  warming: "LOADING",
  draining: "UNLOADING",
};

/**
 * True while the version, or any version of the model when none is named, would answer.
 * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY
 */
export function isReadyNow(service: Service, name: string, version: string | undefined): boolean {
  const model = service.registry.models.get(name);
  return model !== undefined && version === undefined
    ? isModelReady(model)
    : isVersionReady(service.registry.entry(name, version));
}

/** The versions of a model that answer. */
export function servedOf(service: Service, model: string): ServedVersion[] {
  const versions: ServedVersion[] = [];
  for (const entry of service.registry.models.get(model)?.versions.values() ?? []) {
    if (entry.served !== undefined) versions.push(entry.served);
  }
  return versions;
}

/** The refusal of what the protocol knows and this server does not offer. */
export function notOffered(what: string): ServingError {
  return new ServingError("UNSUPPORTED", `${what}: known, but not offered`);
}
