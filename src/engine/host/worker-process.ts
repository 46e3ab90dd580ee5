/**
 * One child process, from its start to its death; it is never restarted (`worker-slot.ts` does
 * that).
 *
 *   starting --hello--> up --exit, hang, silence, memory, nonsense--> dead
 *
 * Whatever the child does, each operation is settled: by its answer, or by the death. It is ended
 * only through its own ChildProcess object, so no other process can be hit. A verdict of the clock
 * waits one turn of the loop, so that an answer that has already arrived counts, even when our own
 * loop was blocked past the limit.
 */
import { type Clock, ServingError, type Timer } from "../../base/index.ts";
import type { ArtifactSpec, Batch, BatchResult } from "../engine.ts";
import {
  type Connect,
  type Frame,
  FrameEncoder,
  FrameFault,
  FrameReader,
  frameVersion,
  kinds,
  Lane,
  readControl,
  readFailure,
  readHello,
  readResult,
  writeChunks,
} from "../frame/index.ts";
import { type Death, errorOfDeath } from "./death.ts";
import { type Operation, Operations } from "./operations.ts";
import { OutputLines } from "./output-lines.ts";
import { residentBytes } from "./process-memory.ts";
import { RunningWatch } from "./running/running-watch.ts";
import { WallTimer } from "./running/wall-timer.ts";
import { type Spawned, spawnWorker } from "./spawn.ts";
import { judgeWorker, lookMs } from "./watch-policy.ts";

export interface WorkerProcessOptions {
  readonly clock: Clock;
  /** Our environment, of which the worker gets the named keys. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Longest time from start to HELLO, ms. */
  readonly helloMsMax: number;
  readonly memoryBytesMax: number;
  /** Other fronts may want runs of it too. */
  readonly hasFronts: boolean;
  readonly onLine: (line: string, pid: number) => void;
  /** The process is gone; called once, before `onDeath`. */
  readonly onGone: (worker: WorkerProcess) => void;
}

const helloId = 0;

let lastSerial = 0;

type Reader<T> = (frame: Frame) => T;

export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #spawned: Spawned;
  readonly #encoder = new FrameEncoder();
  readonly #lane: Lane | undefined;
  readonly #operations: Operations;
  readonly #stderr: OutputLines;
  /** With one front there is none: the oldest operation is what runs. */
  readonly #running: RunningWatch | undefined;
  /** Names it to other fronts: no other worker of this parent has it. */
  readonly serial: number;
  /** Settles with the engine's name and version, or rejects with WORKER_LOST. */
  readonly hello: Promise<string>;
  /** Called once, after every operation was settled; set by whoever uses the process. */
  onDeath: ((death: Death) => void) | undefined;
  #memoryBytes = 0;
  #heardAtMs: number;
  #lookedAtMs: number;
  #lookTimer: Timer;
  readonly #wall: WallTimer;
  #verdict: Death["kind"] | undefined;
  #onEnd: (() => void) | undefined;
  #isDead = false;

  /** Throws what the system says when it cannot start a process. */
  constructor(options: WorkerProcessOptions) {
    const { clock, onLine } = options;
    this.#options = options;
    this.#operations = new Operations(clock);
    this.#spawned = spawnWorker(options.environment, options.hasFronts);
    const { record, lane } = this.#spawned;
    this.#lane = lane && new Lane(lane);
    this.#running = record === undefined ? undefined : new RunningWatch(record);
    lastSerial += 1;
    this.serial = lastSerial;
    this.#heardAtMs = clock.nowMs();
    this.#lookedAtMs = this.#heardAtMs;
    this.#stderr = new OutputLines({ clock, onLine: (line) => onLine(line, this.pid) });
    const watched = { clock, operations: this.#operations, hasFronts: options.hasFronts };
    this.#wall = new WallTimer({ ...watched, judge: () => this.#judge() });
    this.#connect();
    this.hello = this.#ask({ kind: "hello", id: helloId, msMax: options.helloMsMax }, (frame) => {
      const { engine, frameVersion: version } = readHello(readControl(frame));
      if (version !== frameVersion) throw new FrameFault(`frame version ${version}`);
      return engine;
    });
    this.hello.catch(() => {});
    this.#lookTimer = clock.after(lookMs, () => this.#look());
  }

  get pid(): number {
    return this.#spawned.child.pid ?? 0;
  }

  /** Resident memory at the last look (each second), byte. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Looks now; where the system does not tell, the last beat counts. Byte. */
  measureMemory(): number {
    this.#memoryBytes = residentBytes(this.pid) ?? this.#memoryBytes;
    return this.#memoryBytes;
  }

  /** Loads an artifact; throws MODEL_LOAD_FAILED, or WORKER_LOST when not at fault. */
  load(instance: number, artifact: ArtifactSpec, msMax: number): Promise<void> {
    const id = this.#operations.nextId();
    const loaded = this.#ask({ kind: "load", id, msMax }, (frame) => {
      if (frame.kind !== kinds.loaded) throw readFailure(readControl(frame));
      this.measureMemory();
    });
    const head = { kind: kinds.load, instance, batch: id };
    this.#send(this.#encoder.control(head, artifact));
    return loaded;
  }

  /** Lets another front have its runs done too; it is called back on `path`. */
  connect(front: number, path: string): void {
    if (this.#isDead) return;
    const head = { kind: kinds.connect, instance: 0, batch: 0 };
    const to: Connect = { front, path, worker: this.serial };
    this.#send(this.#encoder.control(head, to));
  }

  unload(instance: number, msMax: number): Promise<void> {
    const id = this.#operations.nextId();
    const unloaded = this.#ask({ kind: "unload", id, msMax }, () => {});
    const head = { kind: kinds.unload, instance, batch: id, extra: 0 };
    this.#send(this.#encoder.bare(head));
    return unloaded;
  }

  /** Runs a batch on a loaded instance. */
  run(instance: number, batch: Batch): Promise<BatchResult> {
    const id = this.#operations.nextId();
    const head = { kind: kinds.run, instance, batch: id, extra: batch.wallMsMax };
    const chunks = this.#encoder.tensors(head, batch.outputs, batch.parts);
    const result = this.#ask({ kind: "run", id, msMax: batch.wallMsMax }, readResult);
    this.#send(chunks);
    return result;
  }

  /** Ends the process: kindly, and after `graceMs` by force. */
  async end(graceMs: number): Promise<void> {
    if (this.#isDead) return;
    this.#verdict ??= "closed";
    const { child, socket } = this.#spawned;
    const ended = new Promise<void>((settle) => {
      this.#onEnd = settle;
    });
    socket.end();
    const timer = this.#options.clock.after(graceMs, () => child.kill("SIGKILL"));
    await ended;
    timer.cancel();
  }

  /** Ends the process now. */
  kill(verdict: Death["kind"]): void {
    if (this.#isDead) return;
    this.#verdict ??= verdict;
    this.#spawned.child.kill("SIGKILL");
  }

  #ask<T>(asked: Pick<Operation, "kind" | "id" | "msMax">, read: Reader<T>): Promise<T> {
    return new Promise<T>((settle, reject) => {
      if (this.#isDead) throw new ServingError("WORKER_LOST", "the worker is gone");
      const answer = (frame: Frame) => {
        try {
          settle(read(frame));
        } catch (thrown) {
          reject(thrown);
          if (thrown instanceof FrameFault) throw thrown;
        }
      };
      const { kind, id, msMax } = asked;
      this.#operations.add({ kind, id, msMax, answer, fail: reject });
      this.#wall.watch();
    });
  }

  #connect(): void {
    const { child, socket } = this.#spawned;
    const reader = new FrameReader((frame) => this.#take(frame), { lane: this.#lane });
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (thrown) {
        this.#stderr.push(`${String(thrown)}\n`);
        this.kill("protocol");
      }
    });
    socket.on("error", () => child.kill("SIGKILL"));
    socket.on("close", () => child.kill("SIGKILL"));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => this.#stderr.push(text));
    }
    child.once("error", (thrown) => this.#die(`it did not start: ${thrown.message}`, "start"));
    child.once("exit", (code, signal) => {
      this.#options.clock.soon(() =>
        this.#die(
          `it ended with ${signal ?? `code ${code}`}`,
          signal === "SIGKILL" ? "killed" : "exit",
        ),
      );
    });
  }

  #send(chunks: readonly Uint8Array[]): void {
    writeChunks(this.#spawned.socket, this.#lane?.send(chunks) ?? chunks);
  }

  #take(frame: Frame): void {
    this.#heardAtMs = this.#options.clock.nowMs();
    if (frame.kind === kinds.beat) {
      this.#memoryBytes = frame.extra * 1024;
      return;
    }
    const operation = this.#operations.take(frame.batch);
    if (operation === undefined) throw new FrameFault(`an answer to nothing: ${frame.batch}`);
    operation.answer(frame);
    this.#wall.watch();
  }

  #look(): void {
    if (this.#isDead) return;
    this.measureMemory();
    writeChunks(this.#spawned.socket, this.#lane?.rest() ?? []);
    const { clock } = this.#options;
    clock.soon(() => {
      this.#judge();
      this.#lookedAtMs = clock.nowMs();
    });
    this.#lookTimer = clock.after(lookMs, () => this.#look());
  }

  #judge(): void {
    if (this.#isDead) return;
    const nowMs = this.#options.clock.nowMs();
    const busy = this.#running?.look(this.#operations, nowMs);
    if (busy?.isNews === true) this.#heardAtMs = nowMs;
    const { head, headSinceMs } = this.#operations;
    const verdict = judgeWorker(
      {
        busySinceMs: busy === undefined ? headSinceMs : busy.sinceMs,
        busyMsMax: busy?.msMax ?? head?.msMax ?? 0,
        heardAtMs: this.#heardAtMs,
        lookedAtMs: this.#lookedAtMs,
        memoryBytes: this.#memoryBytes,
        memoryBytesMax: this.#options.memoryBytesMax,
      },
      nowMs,
    );
    if (verdict === "afresh") this.#heardAtMs = nowMs;
    else if (verdict !== "fine") this.kill(verdict);
  }

  #die(words: string, kind: Death["kind"]): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#lookTimer.cancel();
    this.#wall.cancel();
    this.#spawned.socket.destroy();
    this.#running?.close();
    this.#lane?.close();
    const running = this.#running?.now();
    const told = `${words}\n${this.#stderr.tail}`.trim();
    const death = { kind: this.#verdict ?? kind, words: told, running };
    for (const [place, operation] of this.#operations.takeAll().entries()) {
      const isAtWork = running?.front === 0 && running.batch === operation.id;
      const isHead = running === undefined ? place === 0 : isAtWork;
      operation.fail(errorOfDeath(operation, isHead, death));
    }
    this.#options.onGone(this);
    this.onDeath?.(death);
    this.#onEnd?.();
  }
}
