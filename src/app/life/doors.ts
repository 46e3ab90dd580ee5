/**
 * The doors of one front together: what a stop asks of them, whichever are open.
 */
import type { ServingError } from "../../base/index.ts";
import type { GrpcDoor } from "../../doors/grpc/index.ts";
import type { RestDoor } from "../../doors/rest/index.ts";

/** The longest wait for readers of the last answers, in a drain that is in time or too late. */
const lastBytesMsMax = 5_000;
const cutOffBytesMsMax = 500;

type Door = RestDoor | GrpcDoor;

export class Doors {
  /** Set once they are open. */
  rest: RestDoor | undefined;
  grpc: GrpcDoor | undefined;
  #lastBytesMsMax = lastBytesMsMax;

  /** Requests that were let in and are not over. */
  get openWork(): number {
    return this.#total((door) => door.openWork);
  }

  announceClose(): void {
    for (const door of this.#open) door.announceClose();
  }

  drainSockets(): void {
    this.rest?.drainSockets();
  }

  refuseArriving(error: ServingError): void {
    for (const door of this.#open) door.refuseArriving(error);
  }

  /** Time is up: slow readers are not waited for. */
  hurry(): void {
    this.#lastBytesMsMax = cutOffBytesMsMax;
  }

  /**
   * Answers may still be on their way to slow readers. Closing the port ends each connection that
   * has no request, even one whose answer is not all sent; so that comes after it is.
   */
  async lastBytes(): Promise<void> {
    const endMs = performance.now() + this.#lastBytesMsMax;
    const waitFor = async (isDone: () => boolean): Promise<void> => {
      while (!isDone() && performance.now() < endMs) {
        await new Promise((done) => setTimeout(done, 10));
      }
    };
    await waitFor(() => this.#total((door) => door.unsentConnections) === 0);
    for (const door of this.#open) door.stop();
    await waitFor(() => this.#total((door) => door.connections) === 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((door) => door.close()));
  }

  get #open(): readonly Door[] {
    return [this.rest, this.grpc].filter((door) => door !== undefined);
  }

  #total(read: (door: Door) => number): number {
    return this.#open.reduce((sum, door) => sum + read(door), 0);
  }
}
