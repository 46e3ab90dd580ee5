/**
 * Two processes that answer the network against one, with one model and one worker behind them.
 *
 * On two cores there is nothing to gain for REST and gRPC together with a worker and a generator:
 * the question is what the second front costs. What more cores gain: `fronts-cores.ts`.
 */
import { oneRow } from "../inputs/fixed-requests.ts";
import { grpcRow } from "../inputs/grpc-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import { hasH2load, runH2load } from "../load/h2load.ts";
import { treeUsage } from "../machine/process-tree.ts";
import { freePort } from "../machine/started-process.ts";
import type { Side } from "../sample.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import type { Comparison, Stage } from "../stage.ts";
import type { Claim } from "../verdict/claim.ts";

const names = { 1: "one front", 2: "two fronts" } as const;

function claims(door: string): readonly Claim[] {
  const sides = { of: names[2], to: names[1], as: "ratio" } as const;
  return [
    {
      ...sides,
      key: `fronts-${door}-rate`,
      title: `${door} requests/s with two fronts against one`,
      metric: "perSecond",
      goal: { atLeast: 1 },
    },
    {
      ...sides,
      key: `fronts-${door}-cpu`,
      title: `${door} CPU per request with two fronts against one`,
      metric: "cpuUs",
    },
  ];
}

export const frontsRest: Comparison = {
  name: "fronts-rest",
  about: "one row a request, 64 connections, all cores: --fronts 2 against --fronts 1",
  claims: claims("REST"),
  async setUp(stage: Stage) {
    const request = oneRow();
    const sides: Side[] = [];
    for (const count of [1, 2] as const) {
      const server = await start(stage, count, []);
      sides.push(loadedSide(server, { request, connections: 64, name: names[count] }));
    }
    return sides;
  },
};

/** Several, because a connection stays with the front that let it in. */
const connections = 16;
const callsInFlight = 4;

export const frontsGrpc: Comparison = {
  name: "fronts-grpc",
  about:
    "4 features a call, 4 in flight on each of 16 connections, all cores: --fronts 2 against 1",
  claims: claims("gRPC"),
  async setUp(stage: Stage) {
    if (!hasH2load()) {
      for (const name of Object.values(names)) stage.skip(name, "h2load is not installed");
      return [];
    }
    const sides: Side[] = [];
    for (const count of [1, 2] as const) {
      const port = await freePort();
      const { pid } = await start(stage, count, ["--grpc-port", String(port)]);
      await probeGrpc(port, grpcRow());
      sides.push(grpcSide(names[count], port, pid));
    }
    return sides;
  },
};

async function start(stage: Stage, count: 1 | 2, flags: readonly string[]) {
  return await startMillrace(stage, {
    name: `millrace-fronts-${count}`,
    first: oneRow(),
    models: [modelFiles.customer()],
    flags: ["--fronts", String(count), ...flags],
  });
}

function grpcSide(name: string, port: number, pid: number): Side {
  return {
    name,
    async measure(seconds) {
      const whole = Math.max(1, Math.round(seconds));
      const before = treeUsage(pid).allSeconds;
      const load = { port, ...grpcRow(), callsInFlight, connections, seconds: whole };
      const { perSecond, failed, done } = await runH2load(load);
      const cpuUs = ((treeUsage(pid).allSeconds - before) / done) * 1e6;
      return { perSecond, errors: failed, ...(done === 0 ? {} : { cpuUs }) };
    },
  };
}
