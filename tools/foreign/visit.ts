/**
 * What every client is run with.
 */
import type { Environments } from "./environment.ts";
import type { Report } from "./report.ts";
import type { ForeignServer } from "./server.ts";

/** What a client is run with. */
export interface Visit {
  readonly server: ForeignServer;
  readonly environments: Environments;
  readonly report: Report;
}
