/** Binary tensors: against an echo through a child, and against the engine alone. */
import { tensorRequest } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { startBareLoop } from "../sides/bare-loop.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import type { Comparison, Stage } from "../stage.ts";

const connections = 4;

export const tensor: Comparison = {
  name: "tensor",
  about: "1 MiB as a binary tensor there and back, 4 connections, both cores",
  claims: [
    {
      key: "rate-relay",
      title: "requests/s against an echo that relays through a child",
      metric: "perSecond",
      of: "millrace",
      to: "relay",
      as: "ratio",
      goal: { atLeast: 0.8 },
    },
  ],
  async setUp(stage: Stage) {
    const { seed } = stage.options;
    const request = tensorRequest({ model: "tensor", input: "x", shape: [1, 2 ** 18], seed });
    const models = [modelFiles.tensor()];
    const millrace = await startMillrace(stage, { first: request, models });
    const relay = await startNodePeer(stage, "relay", { first: request });
    return [millrace, relay].map((server) => loadedSide(server, { request, connections }));
  },
};

const rows = 1_000;
const width = 20;

function binaryRows(name: string, model: "linear" | "trees"): Comparison {
  return {
    name,
    about:
      `1,000 rows x 20 features as a binary tensor, ${model}, 4 connections, the same rows for ` +
      "both; worker and bare loop on core 0, front and generator on core 1",
    unit: "rows",
    claims: [
      {
        key: "rate-loop",
        title: "rows/s against a bare one-thread loop over ONNX Runtime",
        metric: "perSecond",
        of: "millrace",
        to: "loop",
        as: "ratio",
        goal: { atLeast: 0.8 },
      },
    ],
    async setUp(stage: Stage) {
      const path = modelFiles[model]();
      const { seed } = stage.options;
      const request = tensorRequest({ model, input: "float_input", shape: [rows, width], seed });
      const { bodyFile } = request;
      const placed = { cores: "1", workerCores: "0" };
      const millrace = await startMillrace(stage, { first: request, models: [path], ...placed });
      const loop = await startBareLoop(stage, path, "0");
      return [
        loadedSide(millrace, { request, connections, rows, generatorCores: "1" }),
        { name: "loop", measure: (seconds) => loop.obey({ seconds, rows, width, bodyFile }) },
      ];
    },
  };
}

export const tensorRowsTrees = binaryRows("tensor-rows", "trees");
export const tensorRowsLinear = binaryRows("tensor-rows-linear", "linear");
