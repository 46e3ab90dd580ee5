/**
 * Opens the port of the gRPC door: alone, or beside the other fronts of the same server.
 */
import type { ListenOptions, Server } from "node:net";
import { claimPort, type PortSharing } from "../../../transport/index.ts";

export interface ListenPlace {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Set where several fronts listen on the port. */
  readonly sharing?: PortSharing | undefined;
}

/** Connections that may wait in the kernel. */
const backlogConnectionsMax = 4096;

/** Starts listening; gives the port. @throws the system's error when it cannot be had */
export async function listen(server: Server, place: ListenPlace): Promise<number> {
  const { host, port, sharing } = place;
  if (sharing === undefined) await listenOn(server, { host, port });
  else {
    const free = sharing === "joins" ? port : await claimPort(host, port);
    await listenOn(server, { host, port: free, reusePort: true });
  }
  // A connection that cannot be accepted (no descriptors left) is no reason to stop.
  server.on("error", () => {});
  return portOf(server) ?? port;
}

async function listenOn(server: Server, where: ListenOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ ...where, backlog: backlogConnectionsMax }, resolve);
  await promise;
  server.removeListener("error", reject);
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : undefined;
}
