/**
 * Makes sure that a port is ours before several fronts share it.
 *
 * Sharing a port (SO_REUSEPORT) would also let a second server take half of our callers without an
 * error, so whoever comes first claims it alone for a moment.
 */
import { createServer } from "node:net";

/** How a front comes to a port that several listen on; the first sees that nobody else has it. */
export type PortSharing = "first" | "joins";

/**
 * Sees that nobody has the port, and gives the one that was free when 0 is asked for.
 *
 * @throws the system's error when the port is taken or may not be used
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const claim = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  claim.once("error", reject);
  claim.listen({ host, port, exclusive: true }, resolve);
  await promise;
  const address = claim.address();
  await new Promise<void>((done) => claim.close(() => done()));
  return typeof address === "object" && address !== null ? address.port : port;
}
