/**
 * The life of a version, as a table of legal steps.
 *
 *   registered -> validated -> loading -> probing -> warming -> ready -> draining -> unloaded
 *   any step before `unloaded` may go to `failed`; `failed` and `unloaded` may start again
 *
 * A pure table: who moves a version, and why, is settled by the service.
 */
import { ServingError } from "../base/index.ts";

export type VersionState =
  | "registered"
  | "validated"
  | "loading"
  | "probing"
  | "warming"
  | "ready"
  | "draining"
  | "unloaded"
  | "failed";

const next: Readonly<Record<VersionState, readonly VersionState[]>> = {
  registered: ["validated", "failed", "unloaded"],
  validated: ["loading", "failed", "unloaded"],
  loading: ["probing", "failed", "draining"],
  probing: ["warming", "failed", "draining"],
  warming: ["ready", "failed", "draining"],
  ready: ["draining", "failed"],
  draining: ["unloaded", "failed"],
  unloaded: ["registered"],
  failed: ["registered", "unloaded"],
};

/** True when a version may step from `from` to `to`. */
export function mayStep(from: VersionState, to: VersionState): boolean {
  return next[from].includes(to);
}

/** @throws INTERNAL when the step is not legal: that is a fault of ours, never of a caller */
export function assertStep(from: VersionState, to: VersionState): void {
  if (mayStep(from, to)) return;
  throw new ServingError("INTERNAL", "internal error: illegal version state", {
    cause: new Error(`version state ${from} -> ${to}`),
  });
}
