/** A thousand rows in one JSON request, for a model that costs nothing and for one that does. */
import { thousandRows } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { mustAgree, startNodePeer } from "../sides/node-peers.ts";
import type { Comparison, Stage } from "../stage.ts";

const rowsPerRequest = 1_000;

function jsonRows(name: string, model: "linear" | "trees", atLeast: number): Comparison {
  return {
    name,
    about: `1,000 rows x 20 features in one JSON request, ${model}, 4 connections, both cores`,
    unit: "rows",
    claims: [
      {
        key: "rate-naive",
        title: "rows/s against naive Node",
        metric: "perSecond",
        of: "millrace",
        to: "naive",
        as: "ratio",
        goal: { atLeast },
      },
    ],
    async setUp(stage: Stage) {
      const [path, { seed }] = [modelFiles[model](), stage.options];
      const [ours, theirs] = [thousandRows("/predict", seed), thousandRows("/batch", seed)];
      const millrace = await startMillrace(stage, { first: ours, models: [path] });
      const naive = await startNodePeer(stage, "naive", { first: theirs, model: path });
      mustAgree(millrace, naive);
      const load = { connections: 4, rows: rowsPerRequest };
      return [
        loadedSide(millrace, { ...load, request: ours }),
        loadedSide(naive, { ...load, request: theirs }),
      ];
    },
  };
}

export const rowsLinear = jsonRows("rows", "linear", 2.5);
export const rowsTrees = jsonRows("rows-trees", "trees", 1.7);
