/**
 * The line between a front that is not the primary and one worker.
 *
 *   unnamed --GREET--> open --the worker is gone--> closed
 *
 * Nothing is watched here: the primary alone judges a worker, and what it says of a death settles
 * what was under way, so that a hang is ENGINE_TIMEOUT for the front whose batch hung and an
 * innocent batch is known to be one. That word may come a moment after the end of the socket; it is
 * waited for, but not for ever. Invariant: each run is settled once.
 */
import type { Socket } from "node:net";
import { type Clock, ServingError } from "../../base/index.ts";
import type { Batch, BatchResult } from "../engine.ts";
import {
  type Frame,
  FrameEncoder,
  FrameFault,
  FrameReader,
  kinds,
  readControl,
  readGreeting,
  readResult,
  writeChunks,
} from "../frame/index.ts";
import { type Death, errorOfDeath } from "../host/death.ts";
import { Operations } from "../host/operations.ts";

/** How long the primary's word about a death is waited for, ms. */
const wordMsMax = 2_000;

export interface WorkerLinkOptions {
  readonly clock: Clock;
  readonly socket: Socket;
  /** The number of this front. */
  readonly front: number;
  /** It has said which worker it is. */
  readonly onOpen: (link: WorkerLink, worker: number) => void;
  /** The socket has closed. */
  readonly onClose: (link: WorkerLink) => void;
}

export class WorkerLink {
  readonly #options: WorkerLinkOptions;
  readonly #encoder = new FrameEncoder();
  readonly #operations: Operations;
  #worker = 0;
  #isClosed = false;
  #death: Death | undefined;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.#operations = new Operations(options.clock);
    const { socket } = options;
    const reader = new FrameReader((frame) => this.#take(frame));
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        // What it says makes no sense: its primary will find the same.
        socket.destroy();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#closed());
  }

  /** Runs a batch on the instance `member` of the worker. */
  run(member: number, batch: Batch): Promise<BatchResult> {
    return new Promise((settle, reject) => {
      if (this.#isClosed) throw new ServingError("WORKER_LOST", "the worker is gone");
      const id = this.#operations.nextId();
      const head = { kind: kinds.run, instance: member, batch: id, extra: batch.wallMsMax };
      const chunks = this.#encoder.tensors(head, batch.outputs, batch.parts);
      const answer = (frame: Frame): void => {
        try {
          settle(readResult(frame));
        } catch (thrown) {
          reject(thrown);
          if (thrown instanceof FrameFault) throw thrown;
        }
      };
      const msMax = batch.wallMsMax;
      this.#operations.add({ kind: "run", id, msMax, answer, fail: reject });
      writeChunks(this.#options.socket, chunks);
    });
  }

  /** The primary tells how the worker ended. */
  died(death: Death): void {
    this.#death ??= death;
    if (this.#isClosed) this.#settle(this.#death);
  }

  close(): void {
    this.#options.socket.destroy();
  }

  #take(frame: Frame): void {
    if (this.#worker === 0) {
      if (frame.kind !== kinds.greet) throw new FrameFault("no greeting");
      this.#worker = readGreeting(readControl(frame)).worker;
      this.#options.onOpen(this, this.#worker);
      return;
    }
    const operation = this.#operations.take(frame.batch);
    if (operation === undefined) throw new FrameFault(`an answer to nothing: ${frame.batch}`);
    operation.answer(frame);
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose(this);
    if (this.#death !== undefined) this.#settle(this.#death);
    else if (this.#operations.count > 0) {
      this.#options.clock.after(wordMsMax, () => this.#settle(lostWord));
    }
  }

  #settle(death: Death): void {
    const { running } = death;
    for (const operation of this.#operations.takeAll()) {
      const isHead = running?.front === this.#options.front && running.batch === operation.id;
      operation.fail(errorOfDeath(operation, isHead, death));
    }
  }
}

/** Nobody told how the worker ended: nothing is held against what it was sent. */
const lostWord: Death = {
  kind: "exit",
  words: "the line to the worker broke",
  running: { front: 0, batch: 0 },
};
