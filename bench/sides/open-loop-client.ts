/** The open-loop client as the comparisons use it: orders go in, reports come out. */
import { join } from "node:path";
import type { FlowReport, OpenLoopOrder } from "../load/open-loop.ts";
import { type Channel, openChannel } from "../machine/channel.ts";
import { root, type Stage } from "../stage.ts";

/** Reports on each flow, in order. */
export type OpenLoopClient = Channel<OpenLoopOrder, readonly FlowReport[]>;

/** Starts the client's process; it stays warm from round to round. */
export async function startOpenLoopClient(stage: Stage): Promise<OpenLoopClient> {
  const main = join(root, "bench", "load", "open-loop.ts");
  const command = [process.execPath, main];
  return openChannel(await stage.start({ name: "open-loop", command, hasChannel: true }));
}
