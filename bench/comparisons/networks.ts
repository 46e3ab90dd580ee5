/** Dense networks, where batching saves the engine's time and not only the road to it. */
import { oneImage, tensorRequest } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import type { Side } from "../sample.ts";
import { startBareLoop } from "../sides/bare-loop.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { runCounts, startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import type { RunningServer } from "../sides/running-server.ts";
import type { Comparison, Stage } from "../stage.ts";

const connections = 64;

export const mlp: Comparison = {
  name: "mlp",
  about: "network 784-512-512-10, one image a request, 64 connections, both cores",
  claims: [
    {
      key: "rate-naive",
      title: "requests/s against naive Node",
      metric: "perSecond",
      of: "millrace",
      to: "naive",
      as: "ratio",
      goal: { atLeast: 2 },
    },
  ],
  async setUp(stage: Stage) {
    const [request, model] = [oneImage(stage.options.seed), modelFiles.digits()];
    const millrace = await startMillrace(stage, { first: request, models: [model] });
    const naive = await startNodePeer(stage, "naive", { first: request, model });
    const batched = withBatches(loadedSide(millrace, { request, connections }), millrace, "digits");
    return [batched, loadedSide(naive, { request, connections })];
  },
};

const width = 1_024;

export const mlpWide: Comparison = {
  name: "mlp-wide",
  about:
    "network 1024-2048-2048-1000, binary tensors, one item a request, 64 connections; " +
    "worker and bare loop on core 0, front and generator on core 1",
  claims: [
    {
      key: "rate-loop",
      title: "items/s against a bare one-thread loop at the batch size reached",
      metric: "perSecond",
      of: "millrace",
      to: "loop",
      as: "ratio",
      goal: { atLeast: 0.85 },
    },
  ],
  async setUp(stage: Stage) {
    const [{ seed }, model] = [stage.options, modelFiles.wide()];
    const request = tensorRequest({ model: "wide", input: "x", shape: [1, width], seed });
    const placed = { cores: "1", workerCores: "0" };
    const millrace = await startMillrace(stage, { first: request, models: [model], ...placed });
    const loop = await startBareLoop(stage, model, "0");
    const load = { request, connections, generatorCores: "1" };
    const batched = withBatches(loadedSide(millrace, load), millrace, "wide");
    let rows = 1;
    return [
      {
        name: batched.name,
        async measure(seconds) {
          const sample = await batched.measure(seconds);
          rows = Math.max(1, Math.round(sample.batchItems ?? 1));
          return sample;
        },
      },
      {
        name: "loop",
        async measure(seconds) {
          const sample = await loop.obey({ seconds, rows, width });
          return { ...sample, cpuUs: (sample.cpuUs ?? 0) / rows };
        },
      },
    ];
  },
};

/** Adds the mean number of items a run of the engine had. */
function withBatches(side: Side, server: RunningServer, model: string): Side {
  return {
    name: side.name,
    async measure(seconds) {
      const before = await runCounts(server.port, model);
      const sample = await side.measure(seconds);
      const after = await runCounts(server.port, model);
      const batchItems = (after.items - before.items) / Math.max(1, after.runs - before.runs);
      return { ...sample, batchItems };
    },
  };
}
