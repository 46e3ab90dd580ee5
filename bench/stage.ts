/**
 * What a comparison is given to start its sides with, and what it leaves behind.
 *
 * Everything that a comparison starts is handed to `defer`, so that the runner ends it in reverse
 * order whatever happened. A side that cannot be had is skipped with a reason, never in silence.
 */
import { join } from "node:path";
import type { ProcessPlan, StartedProcess } from "./machine/started-process.ts";
import { startProcess } from "./machine/started-process.ts";
import type { Side } from "./sample.ts";
import type { Claim } from "./verdict/claim.ts";

export const root = join(import.meta.dirname, "..");
/** Models, bodies, logs and results; never committed. */
export const cacheFolder = join(root, ".cache", "bench");

export interface Comparison {
  readonly name: string;
  /** What is compared, under which load and placement. */
  readonly about: string;
  /** What `perSecond` counts. */
  readonly unit?: "requests" | "rows";
  /** Fewer rounds than asked for, where a round is long or tells little. */
  readonly roundsMax?: number;
  readonly claims: readonly Claim[];
  /** Starts the sides. @throws Error when a side that a goal needs does not start */
  setUp(stage: Stage): Promise<readonly Side[]>;
}

export interface StageOptions {
  /** The built server's entry file. */
  readonly server: string;
  readonly seed: number;
}

export class Stage {
  readonly options: StageOptions;
  /** Why a side is missing, by its name; at most one entry for each side of the comparison. */
  readonly skipped = new Map<string, string>();
  /** At most one entry for each thing the comparison starts. */
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(options: StageOptions) {
    this.options = options;
  }

  skip(name: string, why: string): void {
    this.skipped.set(name, why);
  }

  defer(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Starts a process that ends with the comparison. */
  async start(plan: Omit<ProcessPlan, "logFolder">): Promise<StartedProcess> {
    const started = await startProcess({ ...plan, logFolder: join(cacheFolder, "logs") });
    this.defer(() => started.stop());
    return started;
  }

  /** Ends what was started, last first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
