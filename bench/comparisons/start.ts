/** From the start of the process to the first answer. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { oneRow } from "../inputs/fixed-requests.ts";
import { customerModel, modelFile, modelFiles } from "../inputs/model-files.ts";
import type { Side } from "../sample.ts";
import { startFastApi } from "../sides/fastapi.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import type { RunningServer } from "../sides/running-server.ts";
import { type Comparison, Stage } from "../stage.ts";

/** How often a starting server is asked, in ms: fine against the goal, cheap for the machine. */
const everyMs = 5;

/** A side that starts a server, says how long that took, and ends it. */
function startSide(name: string, stage: Stage, start: StartOne): Side {
  return {
    name,
    async measure() {
      const inner = new Stage(stage.options);
      try {
        const server = await start(inner);
        return server === undefined ? {} : { startMs: server.startMs };
      } finally {
        await inner.close();
      }
    },
  };
}
type StartOne = (stage: Stage) => Promise<RunningServer | undefined>;

async function startNeverSeen(stage: Stage): Promise<RunningServer> {
  const path = modelFile(`unseen/${randomUUID()}.onnx`, customerModel(Math.random()));
  stage.defer(async () => rmSync(path));
  return startMillrace(stage, { first: oneRow(), models: [path], everyMs });
}

export const start: Comparison = {
  name: "start",
  about: "start of the process to the first answer, one small model",
  claims: [
    {
      key: "seen",
      title: "milliseconds with a model that was served before",
      metric: "startMs",
      of: "millrace",
      as: "value",
      goal: { atMost: 700 },
    },
    {
      key: "unseen",
      title: "milliseconds with a model never seen",
      metric: "startMs",
      of: "millrace, model never seen",
      as: "value",
    },
  ],
  async setUp(stage) {
    const [first, model] = [oneRow(), modelFiles.customer()];
    const fastapi = await startFastApi(stage, first);
    await Promise.all(fastapi.map((server) => server.stop()));
    const sides = [
      startSide("millrace", stage, (on) => startMillrace(on, { first, models: [model], everyMs })),
      startSide("millrace, model never seen", stage, startNeverSeen),
      startSide("naive", stage, (on) => startNodePeer(on, "naive", { first, model, everyMs })),
    ];
    if (fastapi.length === 0) return sides;
    const again: StartOne = async (on) => (await startFastApi(on, first))[0];
    return [...sides, startSide("fastapi", stage, again)];
  },
};
