/**
 * What doors call to load and unload models while the server runs.
 *
 * In the primary front it is `ModelControl`; in the others it asks the primary.
 */
import { ServingError } from "../../base/index.ts";
import type { RunSettings } from "../../model/index.ts";

export interface LoadAsk {
  readonly model: string;
  /**
   * Where the caller says that it lies: absolute, or below one of the server's paths; `undefined`
   * for where the server's paths have a model of that name.
   */
  readonly place: string | undefined;
  /** How to run what is loaded, in place of what its packages say; until it is loaded again. */
  readonly settings?: RunSettings | undefined;
}

export interface UnloadAsk {
  readonly model: string;
  /** `undefined` for all. */
  readonly version: string | undefined;
}

export interface Control {
  /**
   * Loads every version that the folder has now. A version that serves and has changed is replaced
   * when its successor is ready, and finishes what it began; what has gone is unloaded.
   *
   * @throws MODEL_NOT_FOUND no such model below the server's paths
   * @throws MODEL_LOAD_FAILED what the first version lacks that cannot be loaded; those that served
   *   still do
   * @throws MODEL_BUSY, SERVER_NOT_READY, DRAINING
   */
  load(ask: LoadAsk): Promise<void>;
  /**
   * Takes no new request for it at once, finishes what began, then ends its instances. Unloading
   * what is unloaded changes nothing.
   *
   * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_BUSY, SERVER_NOT_READY, DRAINING
   */
  unload(ask: UnloadAsk): Promise<void>;
}

/**
 * What loads and unloads.
 *
 * @param what would be done to `model`, as a participle
 * @throws PERMISSION_DENIED while `server.modelControl` is off
 */
export function controlOf({ control }: { control: Control | undefined }, what: string): Control {
  if (control !== undefined) return control;
  const message =
    `models are not ${what} while the server runs: it serves what its paths held at the start; ` +
    "its operator may allow it (server.modelControl)";
  throw new ServingError("PERMISSION_DENIED", message);
}
