/** A side that is a server under the load of `wrk`. */
import { type FixedRequest, runWrk } from "../load/wrk.ts";
import { machineCpuSeconds, ticksPerSecond, treeUsage } from "../machine/process-tree.ts";
import type { Side } from "../sample.ts";
import type { RunningServer } from "./running-server.ts";

export interface SideLoad {
  readonly request: FixedRequest;
  readonly connections: number;
  /** Cores of the generator; `undefined` leaves it to the kernel. */
  readonly generatorCores?: string;
  /** Threads of the generator, one for each core it may fill; 1 unless told. */
  readonly generatorThreads?: number;
  /** Rows in one request; `perSecond` counts rows. 1 unless told. */
  readonly rows?: number;
  /** Name of the side where it is not the server's. */
  readonly name?: string;
}

/** Requests that were refused or broke count as errors and not as throughput. */
export function loadedSide(
  server: Pick<RunningServer, "name" | "port" | "pid">,
  load: SideLoad,
): Side {
  const { port, pid } = server;
  const { request, connections } = load;
  const { generatorCores: cores, generatorThreads: threads = 1 } = load;
  return {
    name: load.name ?? server.name,
    async measure(seconds) {
      const [machine, before] = [machineCpuSeconds(), treeUsage(pid)];
      const result = await runWrk({ port, request, connections, seconds, cores, threads });
      const after = treeUsage(pid);
      const spent = after.allSeconds - before.allSeconds;
      const front = after.frontSeconds - before.frontSeconds;
      const generator = result.ticks / ticksPerSecond;
      const perRequestUs = (cpuSeconds: number) => (cpuSeconds / result.requests) * 1e6;
      const others = machineCpuSeconds() - machine - spent - generator;
      const good = result.requests - result.refused;
      // A server that answered nothing has no cost per request.
      const cost = { cpuUs: perRequestUs(spent), frontCpuUs: perRequestUs(front) };
      return {
        ...(result.requests === 0 ? {} : cost),
        perSecond: (good * (load.rows ?? 1)) / result.seconds,
        p50Us: result.p50Us,
        p99Us: result.p99Us,
        maxUs: result.maxUs,
        errors: result.refused + result.broken,
        generatorShare: generator / result.seconds / threads,
        othersShare: Math.max(0, others / result.seconds),
      };
    },
  };
}
