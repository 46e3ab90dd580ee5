/**
 * The workers as a front sees them that is not the primary: it keeps none, they connect to it.
 *
 * It listens on a path that the primary has made in a folder of this user alone, and tells each
 * instance when the line to its worker opens or closes.
 */
import { createServer, type Server } from "node:net";
import type { Clock } from "../../base/index.ts";
import type { Death } from "../host/death.ts";
import { type InstanceState, LinkedInstance } from "./linked-instance.ts";
import { WorkerLink } from "./worker-link.ts";

export interface LinkedWorkersOptions {
  readonly clock: Clock;
  /** The number of this front, >= 1. */
  readonly front: number;
  /** Absolute path of the socket that it listens on. */
  readonly path: string;
}

/** What the primary says of a worker that ended. */
export type WorkerEnd = Death & { readonly worker: number };

export class LinkedWorkers {
  readonly #options: LinkedWorkersOptions;
  readonly #server: Server;
  /** By the number of the worker, one for each that lives. */
  readonly #open = new Map<number, WorkerLink>();
  /** Every line, those without a greeting too; at most one for each worker. */
  readonly #all = new Set<WorkerLink>();
  /** Closed lines whose death is not known yet, by worker; they leave with it or in the end. */
  readonly #ended = new Map<number, WorkerLink>();
  /** One for each instance that is used. */
  readonly #instances = new Set<LinkedInstance>();

  constructor(options: LinkedWorkersOptions) {
    this.#options = options;
    const { clock, front } = options;
    this.#server = createServer((socket) => {
      const link = new WorkerLink({
        clock,
        socket,
        front,
        onOpen: (each, worker) => this.#opened(each, worker),
        onClose: (each) => this.#closed(each),
      });
      this.#all.add(link);
    });
  }

  /** Starts to listen. @throws the system's error */
  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(this.#options.path, resolve);
    await promise;
    this.#server.off("error", reject);
  }

  /** Adds an instance of which the primary tells. */
  add(state: InstanceState): LinkedInstance {
    const linkOf = (worker: number): WorkerLink | undefined => this.#open.get(worker);
    const instance = new LinkedInstance(state, {
      clock: this.#options.clock,
      linkOf,
      onClose: () => this.#instances.delete(instance),
    });
    this.#instances.add(instance);
    return instance;
  }

  /** Settles when each instance that is ready for the primary is so here, or time is up. */
  async settled(msMax: number): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.nowMs() + msMax;
    while ([...this.#instances].some((each) => each.isAwaited) && clock.nowMs() < endMs) {
      await new Promise<void>((done) => clock.after(5, done));
    }
  }

  /** The primary tells how a worker ended. */
  died({ worker, ...death }: WorkerEnd): void {
    const link = this.#open.get(worker) ?? this.#ended.get(worker);
    this.#ended.delete(worker);
    link?.died(death);
  }

  close(): void {
    this.#server.close();
    for (const link of this.#all) link.close();
  }

  #opened(link: WorkerLink, worker: number): void {
    this.#open.set(worker, link);
    this.#tell(worker);
  }

  #closed(link: WorkerLink): void {
    this.#all.delete(link);
    for (const [worker, each] of this.#open) {
      if (each !== link) continue;
      this.#open.delete(worker);
      this.#ended.set(worker, link);
      for (const oldest of this.#ended.keys()) {
        if (this.#ended.size <= endedMax) break;
        this.#ended.delete(oldest);
      }
      this.#tell(worker);
    }
  }

  #tell(worker: number): void {
    for (const each of this.#instances) if (each.worker === worker) each.tell();
  }
}

/** Workers whose line has ended and whose death was not told yet. */
const endedMax = 1_024;
