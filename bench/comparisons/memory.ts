/** What an idle server weighs, with one model and with many. */
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { oneRow } from "../inputs/fixed-requests.ts";
import { customerModel, modelFile, modelFiles } from "../inputs/model-files.ts";
import { treePssMiB } from "../machine/process-tree.ts";
import type { Sample } from "../sample.ts";
import { startMillrace } from "../sides/millrace.ts";
import { type Comparison, root, Stage, type StageOptions } from "../stage.ts";

const collect = join(root, "bench", "sides", "collect-garbage.ts");
/** Rest before and after the collection, in ms. */
const restMs = 2_000;

/** Starts a server of `models`, asks the last one, and weighs it at rest after a collection of the
 *  front; the worker is not told to collect. */
async function weigh(options: StageOptions, models: readonly string[]): Promise<Sample> {
  const stage = new Stage(options);
  try {
    const model = basename(models.at(-1) ?? "", ".onnx");
    const first = { ...oneRow(), path: `/predict?model=${model}` };
    const nodeFlags = ["--import", collect];
    const server = await startMillrace(stage, { first, models, nodeFlags });
    await pause(restMs);
    process.kill(server.pid, "SIGUSR2");
    await pause(restMs);
    return { startMs: server.startMs, pssMiB: treePssMiB(server.pid) };
  } finally {
    await stage.close();
  }
}

export const memory: Comparison = {
  name: "memory",
  about: "PSS of front and worker at rest, one model, after a garbage collection of the front",
  roundsMax: 3,
  claims: [
    {
      key: "pss",
      title: "PSS in MiB",
      metric: "pssMiB",
      of: "millrace",
      as: "value",
      goal: { atMost: 180 },
    },
  ],
  async setUp({ options }) {
    return [{ name: "millrace", measure: () => weigh(options, [modelFiles.customer()]) }];
  },
};

const fleetSizes = [1, 10, 25, 50] as const;

export const fleet: Comparison = {
  name: "fleet",
  about: "many small models in one server: start to the first answer of the last, and PSS at rest",
  roundsMax: 1,
  claims: fleetSizes.flatMap((size) => {
    const value = { of: `${size} models`, as: "value" } as const;
    return [
      { ...value, key: `start-${size}`, title: `start in ms, ${size} models`, metric: "startMs" },
      { ...value, key: `pss-${size}`, title: `PSS in MiB, ${size} models`, metric: "pssMiB" },
    ] as const;
  }),
  async setUp({ options }) {
    // The first start of each file is longer, because a model never seen is tried in a child first.
    await weigh(options, members(Math.max(...fleetSizes)));
    return fleetSizes.map((size) => ({
      name: `${size} models`,
      measure: () => weigh(options, members(size)),
    }));
  },
};

function members(size: number): string[] {
  return Array.from({ length: size }, (_, index) =>
    modelFile(`fleet/member-${index + 1}.onnx`, customerModel(index + 2)),
  );
}
