/** A side that is a gRPC server under the load of `h2load`. */
import type { GrpcRequest } from "../inputs/grpc-requests.ts";
import { runH2load } from "../load/h2load.ts";
import { treeUsage } from "../machine/process-tree.ts";
import type { Side } from "../sample.ts";

export interface GrpcLoad {
  readonly port: number;
  /** The server's front process; `undefined` leaves its CPU time unmeasured. */
  readonly pid?: number;
  readonly request: GrpcRequest;
  /** 1 unless told. */
  readonly connections?: number;
  /** On each connection; 1 unless told. */
  readonly callsInFlight?: number;
  /** Cores of the generator; `undefined` leaves it to the kernel. */
  readonly cores?: string;
  /** Threads of the generator; 1 unless told. */
  readonly threads?: number;
  /** Rows in one call; `perSecond` counts rows. 1 unless told. */
  readonly rows?: number;
}

export function grpcSide(name: string, load: GrpcLoad): Side {
  const { port, pid, request, connections = 1, callsInFlight = 1, rows = 1 } = load;
  const { cores, threads } = load;
  const generator = { ...(cores === undefined ? {} : { cores }), threads };
  return {
    name,
    async measure(seconds) {
      const whole = Math.max(1, Math.round(seconds));
      const before = pid === undefined ? undefined : treeUsage(pid);
      const plan = { port, ...request, ...generator, callsInFlight, connections, seconds: whole };
      const { perSecond, failed, done } = await runH2load(plan);
      const rate = { perSecond: perSecond * rows, errors: failed };
      if (pid === undefined || before === undefined || done === 0) return rate;
      const after = treeUsage(pid);
      const perCallUs = (cpuSeconds: number) => (cpuSeconds / done) * 1e6;
      return {
        ...rate,
        cpuUs: perCallUs(after.allSeconds - before.allSeconds),
        frontCpuUs: perCallUs(after.frontSeconds - before.frontSeconds),
      };
    },
  };
}
