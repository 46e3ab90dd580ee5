/** A side that is a server under the load of the WebSocket client. */
import { join } from "node:path";
import type { SocketOrder, SocketReport } from "../load/socket-load.ts";
import { type Channel, openChannel } from "../machine/channel.ts";
import { treeUsage } from "../machine/process-tree.ts";
import type { Side } from "../sample.ts";
import { root, type Stage } from "../stage.ts";
import type { RunningServer } from "./running-server.ts";

export type SocketClient = Channel<SocketOrder, SocketReport>;

/** Starts the client's process; it stays warm from round to round. */
export async function startSocketClient(stage: Stage): Promise<SocketClient> {
  const main = join(root, "bench", "load", "socket-load.ts");
  const command = [process.execPath, main];
  return openChannel(await stage.start({ name: "socket-load", command, hasChannel: true }));
}

export interface SocketPlay extends Omit<SocketOrder, "port" | "seconds"> {
  readonly name: string;
  readonly client: SocketClient;
}

export function socketSide(
  { port, pid }: RunningServer,
  { name, client, ...load }: SocketPlay,
): Side {
  return {
    name,
    async measure(seconds) {
      const before = treeUsage(pid);
      const report = await client.obey({ ...load, port, seconds });
      const after = treeUsage(pid);
      const perReplyUs = (cpuSeconds: number): number => (cpuSeconds / report.replies) * 1e6;
      return {
        cpuUs: perReplyUs(after.allSeconds - before.allSeconds),
        frontCpuUs: perReplyUs(after.frontSeconds - before.frontSeconds),
        perSecond: (report.replies - report.errors) / report.seconds,
        ...{ p50Us: report.p50Us, p99Us: report.p99Us, maxUs: report.maxUs },
        errors: report.errors,
      };
    },
  };
}
