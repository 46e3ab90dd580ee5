/**
 * How many fronts there are, and whether they can be.
 *
 * `auto` is half of the cores: an answer to a small model costs about as much on this side of the
 * frame as on the other, and a front without a core of its own only makes batches smaller. Fronts
 * share the port by SO_REUSEPORT, which spreads connections on Linux alone.
 */
import { indivisible } from "../../service/index.ts";
import type { Config } from "../config/schema.ts";
import { CommandError, exitCodes } from "../terminal.ts";

/** The number that `auto` stands for on a machine with `cores`. */
export function frontsAuto(cores: number): number {
  return Math.min(64, Math.max(1, Math.floor(cores / 2)));
}

/** What the machine gives. */
export interface FrontMachine {
  readonly cores: number;
  readonly platform: NodeJS.Platform;
}

/** @throws CommandError when several are asked for and cannot be */
export function frontCount(config: Config, { cores, platform }: FrontMachine): number {
  const asked = config.server.fronts;
  const count = asked === "auto" ? frontsAuto(cores) : asked;
  if (count === 1) return 1;
  if (platform !== "linux") {
    if (asked === "auto") return 1;
    const message = `server.fronts: ${count} processes share a port on Linux alone: take 1`;
    throw new CommandError(message, exitCodes.usage);
  }
  const problem = indivisible(config.limits, count);
  if (problem !== undefined) throw new CommandError(problem, exitCodes.usage);
  return count;
}
