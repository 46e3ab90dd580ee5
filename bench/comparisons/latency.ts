/** One connection: what a single caller waits for. */
import { oneRow } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { startFastApi } from "../sides/fastapi.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import type { Comparison } from "../stage.ts";

export const latency: Comparison = {
  name: "latency",
  about: "one row a request on one connection, both cores",
  claims: [
    {
      key: "median-constant",
      title: "median latency over that of the bare constant",
      metric: "p50Us",
      of: "millrace",
      to: "constant",
      as: "difference",
      goal: { atMost: 100 },
    },
    {
      key: "median-unbatched",
      title: "median latency with batching over that without",
      metric: "p50Us",
      of: "millrace",
      to: "unbatched",
      as: "difference",
      goal: { atMost: 30 },
    },
  ],
  async setUp(stage) {
    const [first, model] = [oneRow(), modelFiles.customer()];
    const flags = ["--batch-items-max", "1"];
    const servers = [
      await startMillrace(stage, { first, models: [model] }),
      await startNodePeer(stage, "constant", { first }),
      await startMillrace(stage, { first, models: [model], name: "unbatched", flags }),
      await startNodePeer(stage, "naive", { first, model }),
      ...(await startFastApi(stage, first)),
    ];
    return servers.map((server) => loadedSide(server, { request: first, connections: 1 }));
  },
};
