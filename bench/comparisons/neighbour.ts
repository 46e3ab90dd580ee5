/**
 * What others cost a caller: a slow model beside a small one, and callers who mean harm.
 *
 * Both sides see the same open-loop rates of the small model and of `/health/live`. On one the slow
 * model of the same server runs once a second for about 500 ms; on the other a bare loop in a
 * process of its own does, so that only the isolation differs and not the CPU that is left.
 */
import { jsonRequest, oneRow } from "../inputs/fixed-requests.ts";
import { hostileRequests } from "../inputs/hostile-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { slowModel } from "../inputs/slow-model.ts";
import type { Flow, FlowReport } from "../load/open-loop.ts";
import type { FixedRequest } from "../load/wrk.ts";
import { treeUsage } from "../machine/process-tree.ts";
import type { Sample, Side } from "../sample.ts";
import { startBareLoop } from "../sides/bare-loop.ts";
import { startMillrace } from "../sides/millrace.ts";
import { type OpenLoopClient, startOpenLoopClient } from "../sides/open-loop-client.ts";
import type { RunningServer } from "../sides/running-server.ts";
import type { Comparison, Stage } from "../stage.ts";

const smallPerSecond = 400;
const livePerSecond = 100;
const slowPerSecond = 1;
/** The 99th percentile of the rarer flow needs some hundreds of requests. */
const secondsFactor = 3;

const twice = { of: "beside a model", to: "beside a process", as: "ratio" } as const;

export const neighbour: Comparison = {
  name: "neighbour",
  about:
    "small model at 400/s and /health/live at 100/s, open loop, both cores; a run of 500 ms " +
    "once a second in the same server or in an unrelated process",
  claims: [
    {
      ...twice,
      key: "small-p99",
      title: "p99 of the small model",
      metric: "p99Us",
      goal: { atMost: 2 },
    },
    {
      ...twice,
      key: "live-p99",
      title: "p99 of /health/live",
      metric: "liveP99Us",
      goal: { atMost: 2 },
    },
    {
      key: "errors",
      title: "errors beside a model",
      metric: "errors",
      of: "beside a model",
      as: "value",
      goal: { atMost: 0 },
      isForEveryRound: true,
    },
  ],
  async setUp(stage: Stage) {
    const slow = await slowModel(stage);
    const models = [modelFiles.customer(), slow];
    const small = { ...oneRow(), path: "/predict?model=customer" };
    const large = jsonRequest("slow", "/predict?model=slow", { features: [1, 2, 3, 4] });
    const client = await startOpenLoopClient(stage);
    // The slow model is ready last, because its warm-up takes seconds.
    const server = await startMillrace(stage, { first: large, models });
    const loop = await startBareLoop(stage, slow);
    const { port } = server;
    const light = lightFlows(port, small);
    const heavy: Flow = { name: "slow", port, perSecond: slowPerSecond, request: large };
    return [
      side("beside a model", { server, client, flows: [...light, heavy] }),
      side("beside a process", {
        server,
        client,
        flows: light,
        burn: (seconds) => loop.obey({ seconds, rows: 1, width: 4, runsPerSecond: slowPerSecond }),
      }),
    ];
  },
};

const hostilePerSecond = 10;
const beside = { of: "beside attackers", to: "alone", as: "ratio" } as const;

export const hostile: Comparison = {
  name: "hostile",
  about:
    "small model at 400/s and /health/live at 100/s, open loop, both cores; alone, or with 10/s " +
    "each of broken JSON, JSON 250,000 deep, a gzip bomb of 64 MiB, and 1 MiB of numbers",
  claims: [
    {
      ...beside,
      key: "hostile-p99",
      title: "p99 of the small model",
      metric: "p99Us",
      goal: { atMost: 2 },
    },
    {
      ...beside,
      key: "hostile-live-p99",
      title: "p99 of /health/live",
      metric: "liveP99Us",
      goal: { atMost: 2 },
    },
  ],
  async setUp(stage: Stage) {
    const small = { ...oneRow(), path: "/predict?model=customer" };
    const client = await startOpenLoopClient(stage);
    const server = await startMillrace(stage, { first: small, models: [modelFiles.customer()] });
    const { port } = server;
    const light = lightFlows(port, small);
    const heavy = hostileRequests().map((request, place) => {
      return { name: `hostile ${place}`, port, perSecond: hostilePerSecond, request };
    });
    return [
      side("beside attackers", { server, client, flows: [...light, ...heavy] }),
      side("alone", { server, client, flows: light }),
    ];
  },
};

function lightFlows(port: number, request: FixedRequest): Flow[] {
  return [
    { name: "small", port, perSecond: smallPerSecond, request },
    { name: "live", port, perSecond: livePerSecond, request: { path: "/health/live" } },
  ];
}

interface Play {
  readonly server: RunningServer;
  readonly client: OpenLoopClient;
  readonly flows: readonly Flow[];
  burn?(seconds: number): Promise<Sample>;
}

function side(name: string, play: Play): Side {
  return {
    name,
    async measure(asked) {
      const seconds = asked * secondsFactor;
      const before = treeUsage(play.server.pid).allSeconds;
      const [reports, burnt] = await Promise.all([
        play.client.obey({ seconds, flows: play.flows }),
        play.burn?.(seconds),
      ]);
      const spent = treeUsage(play.server.pid).allSeconds - before;
      return sampleOf(reports, spent / seconds + (burnt?.cpuShare ?? 0));
    },
  };
}

function sampleOf(reports: readonly FlowReport[], cpuShare: number): Sample {
  const [small, live] = reports;
  if (small === undefined || live === undefined) throw new Error("the client reported no flow");
  return {
    p50Us: small.p50Us,
    p99Us: small.p99Us,
    maxUs: small.maxUs,
    liveP99Us: live.p99Us,
    liveMaxUs: live.maxUs,
    clientLateUs: Math.max(small.lateP99Us, live.lateP99Us),
    errors: reports.reduce((sum, each) => sum + each.errors, 0),
    cpuShare,
  };
}
