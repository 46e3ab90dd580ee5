/** A side that is ONNX Runtime alone: one session and one thread in a process of its own. */
import { join } from "node:path";
import { openChannel } from "../machine/channel.ts";
import { machineCpuSeconds, treeUsage } from "../machine/process-tree.ts";
import type { LoopOrder, LoopReport } from "../peers/node/bare-loop.ts";
import type { Sample } from "../sample.ts";
import { root, type Stage } from "../stage.ts";

export interface BareLoop {
  /** Runs as ordered; `perSecond` counts rows, `cpuUs` is per run. */
  obey(order: LoopOrder): Promise<Sample>;
}

const main = join(root, "bench", "peers", "node", "bare-loop.ts");

/** Starts the loop's process; it waits for orders. */
export async function startBareLoop(
  stage: Stage,
  model: string,
  cores?: string,
): Promise<BareLoop> {
  const started = await stage.start({
    name: "loop",
    command: [process.execPath, main],
    env: { MODEL: model },
    cores,
    hasChannel: true,
  });
  const { pid } = started;
  const channel = await openChannel<LoopOrder, LoopReport>(started);
  return { obey };

  async function obey(order: LoopOrder): Promise<Sample> {
    const [machine, before] = [machineCpuSeconds(), treeUsage(pid).allSeconds];
    const { runs, seconds } = await channel.obey(order);
    const spent = treeUsage(pid).allSeconds - before;
    const others = machineCpuSeconds() - machine - spent;
    return {
      cpuUs: (spent / runs) * 1e6,
      perSecond: (runs * order.rows) / seconds,
      cpuShare: spent / seconds,
      batchItems: order.rows,
      othersShare: Math.max(0, others / seconds),
    };
  }
}
