/**
 * What more fronts gain on more cores, against what a bare cluster gains on the same ones.
 *
 * The server has as many fronts as cores, and its worker has to run on those too; the cluster has
 * a process for each core and nothing else to do. Both have as many connections a core. Where the
 * machine has twice as many cores as the largest number asked for, the sides get real ones.
 * Elsewhere the cores are slow ones made of two (`machine/slow-cores.ts`): an emulation. There,
 * servers are warmed up before they are slowed down, or their compilers would be measured.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { oneRow } from "../inputs/fixed-requests.ts";
import { grpcRow } from "../inputs/grpc-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import { hasH2load } from "../load/h2load.ts";
import { holdOnSlowCores, noSlowCores } from "../machine/slow-cores.ts";
import { freePort } from "../machine/started-process.ts";
import type { Sample, Side } from "../sample.ts";
import { grpcSide } from "../sides/grpc-side.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { type RunningServer, startServer } from "../sides/running-server.ts";
import { type Comparison, root, type Stage } from "../stage.ts";
import type { Claim } from "../verdict/claim.ts";

const coreCounts = [1, 2, 4] as const;
const coresMost = 4;
const kinds = ["millrace", "cluster"] as const;
type Kind = (typeof kinds)[number];
type Door = "rest" | "grpc";

/** For each core: on REST connections, on gRPC calls in flight. */
const perCore = 64;
const callsInFlight = 4;
/** For each core, because two real ones warm up all. */
const warmUpSeconds = 4;

const hasRealCores = availableParallelism() >= 2 * coresMost;
const where = hasRealCores ? "real cores" : "emulated slow cores";

const nameOf = (kind: Kind, cores: number): string => `${kind} on ${cores}`;

function claims(door: Door): readonly Claim[] {
  return coreCounts.slice(1).map((cores) => ({
    key: `fronts-${door}-gain-${cores}`,
    title: `gain of ${cores} fronts on ${cores} cores against that of a bare cluster`,
    metric: "gain",
    of: nameOf("millrace", cores),
    to: nameOf("cluster", cores),
    as: "ratio",
    goal: { atLeast: 0.9 },
  }));
}

function comparison(door: Door, load: string): Comparison {
  return {
    name: `fronts-cores-${door}`,
    about: `--fronts N on N ${where} against a cluster of N, N = 1, 2, 4: ${load} for each core`,
    claims: claims(door),
    async setUp(stage: Stage) {
      const problem = problemOf(door);
      const sides: Side[] = [];
      for (const kind of kinds) {
        const one: OneCore = { perSecond: undefined };
        for (const cores of coreCounts) {
          const plan = { kind, cores, door, grpcPort: await freePort() };
          if (problem !== undefined) stage.skip(nameOf(kind, cores), problem);
          else sides.push(withGain(await start(stage, plan), cores, one));
        }
      }
      return sides;
    },
  };
}

export const frontsCoresRest = comparison("rest", "one row a request, 64 connections");

export const frontsCoresGrpc = comparison(
  "grpc",
  "4 features a call, 4 in flight on 16 connections",
);

function problemOf(door: Door): string | undefined {
  if (door === "grpc" && !hasH2load()) return "h2load is not installed";
  return hasRealCores ? undefined : noSlowCores();
}

interface Plan {
  readonly kind: Kind;
  readonly cores: number;
  readonly door: Door;
  /** Where gRPC is spoken. */
  readonly grpcPort: number;
}

/** A server that answers. */
type Answering = Pick<RunningServer, "name" | "pid" | "port">;

/** Starts a server, warms it up, and puts it on its cores. */
async function start(stage: Stage, plan: Plan): Promise<Side> {
  const server = await (plan.kind === "millrace" ? startOurs : startCluster)(stage, plan);
  const side = loaded(server, plan);
  await side.measure(warmUpSeconds * plan.cores);
  if (!hasRealCores) {
    const free = holdOnSlowCores(server.pid, plan.cores);
    stage.defer(async () => free());
  }
  return side;
}

function loaded(server: Answering, { kind, cores, door, grpcPort }: Plan): Side {
  const name = nameOf(kind, cores);
  const [beyond, threads] = [`${coresMost}-${2 * coresMost - 1}`, cores];
  if (door === "rest") {
    const apart = hasRealCores ? { generatorCores: beyond, generatorThreads: threads } : {};
    const connections = perCore * cores;
    return loadedSide(server, { request: oneRow(), connections, name, ...apart });
  }
  const apart = hasRealCores ? { cores: beyond, threads } : {};
  const connections = (perCore / callsInFlight) * cores;
  const load = { port: grpcPort, pid: server.pid, request: grpcRow(), callsInFlight };
  return grpcSide(name, { ...load, connections, ...apart });
}

/** Real cores for the whole server, where there are enough. */
const placed = (cores: number) => (hasRealCores ? { cores: `0-${cores - 1}` } : {});

async function startOurs(stage: Stage, { cores, grpcPort }: Plan): Promise<Answering> {
  const server = await startMillrace(stage, {
    ...{ name: `millrace-cores-${cores}`, first: oneRow(), models: [modelFiles.customer()] },
    flags: ["--fronts", String(cores), "--grpc-port", String(grpcPort)],
    ...placed(cores),
  });
  await probeGrpc(grpcPort, grpcRow());
  return server;
}

async function startCluster(stage: Stage, { cores, door, grpcPort }: Plan): Promise<Answering> {
  const peers = join(root, "bench", "peers", "node");
  const server = join(peers, door === "rest" ? "constant.ts" : "grpc-constant.ts");
  const plan = {
    name: `cluster-${door}-${cores}`,
    env: { SERVER: server, PROCESSES: String(cores) },
    ...placed(cores),
  };
  const command = [process.execPath, join(peers, "cluster.ts")];
  if (door === "rest") {
    return await startServer(stage, { ...plan, command: () => command, first: oneRow() });
  }
  const env = { ...plan.env, PORT: String(grpcPort) };
  const { pid } = await stage.start({ ...plan, command, env });
  await untilAnswered(grpcPort);
  return { name: plan.name, pid, port: grpcPort };
}

const triesMax = 100;

async function untilAnswered(port: number): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await probeGrpc(port, grpcRow());
      return;
    } catch (thrown) {
      if (tries === triesMax) throw thrown;
      await pause(100);
    }
  }
}

/** What one core gave in this round. */
interface OneCore {
  perSecond: number | undefined;
}

/** The same side, with its rate over that of one core, which is measured first in each round. */
function withGain(side: Side, cores: number, one: OneCore): Side {
  return {
    name: side.name,
    async measure(seconds): Promise<Sample> {
      const sample = await side.measure(seconds);
      if (cores === 1) one.perSecond = sample.perSecond;
      const { perSecond } = sample;
      if (perSecond === undefined || one.perSecond === undefined) return sample;
      return { ...sample, gain: perSecond / one.perSecond };
    },
  };
}
