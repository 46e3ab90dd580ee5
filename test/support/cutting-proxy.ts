/**
 * A proxy that passes bytes on as they are, TLS or not, and cuts connections on their way.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CutPlan {
  /** How many connections are cut. */
  readonly cutsMax: number;
  /** What has come back on a connection when it is cut, bytes. */
  readonly cutBytes: number;
}

export interface CuttingProxy {
  readonly port: number;
  /** Connections that were cut. */
  cuts(): number;
  close(): void;
}

/** Stands in front of `port`; cuts the first connections that have got as much as planned. */
export async function startCuttingProxy(port: number, plan: CutPlan): Promise<CuttingProxy> {
  let cuts = 0;
  const sockets = new Set<Socket>(); // two entries per connection of a test
  const proxy = createServer((caller) => {
    const target = connect(port, "127.0.0.1");
    let bytes = 0;
    for (const socket of [caller, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    caller.pipe(target);
    target.on("data", (chunk: Buffer) => {
      caller.write(chunk);
      bytes += chunk.length;
      if (bytes < plan.cutBytes || cuts >= plan.cutsMax) return;
      cuts += 1;
      caller.end();
      target.destroy();
    });
    target.on("close", () => caller.end());
    caller.on("close", () => target.destroy());
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  return {
    port: (proxy.address() as AddressInfo).port,
    cuts: () => cuts,
    close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}
