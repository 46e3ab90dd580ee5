/** Many connections at once, opened afresh in each round, because accepting them is part of it. */
import { oneRow } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { startFastApi } from "../sides/fastapi.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import type { Comparison } from "../stage.ts";

const worst = { of: "millrace", as: "value", isForEveryRound: true } as const;

export const connections: Comparison = {
  name: "connections",
  about: "one row a request, 512 connections opened afresh in each round, both cores",
  claims: [
    {
      key: "goodput-64",
      title: "goodput at 512 connections against that at 64",
      metric: "perSecond",
      of: "millrace",
      to: "millrace at 64",
      as: "ratio",
      goal: { atLeast: 0.85 },
    },
    { ...worst, key: "p99", title: "p99 in us", metric: "p99Us", goal: { atMost: 40_000 } },
    { ...worst, key: "max", title: "worst in us", metric: "maxUs", goal: { atMost: 300_000 } },
    { ...worst, key: "errors", title: "errors", metric: "errors", goal: { atMost: 0 } },
  ],
  async setUp(stage) {
    const [request, model] = [oneRow(), modelFiles.customer()];
    const millrace = await startMillrace(stage, { first: request, models: [model] });
    const naive = await startNodePeer(stage, "naive", { first: request, model });
    const peers = [naive, ...(await startFastApi(stage, request))];
    return [
      loadedSide(millrace, { request, connections: 512 }),
      loadedSide(millrace, { request, connections: 64, name: "millrace at 64" }),
      ...peers.map((server) => loadedSide(server, { request, connections: 512 })),
    ];
  },
};
