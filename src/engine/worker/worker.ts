/**
 * The child's side of the conversation: frames in, runs of the engine, frames out.
 *
 * Every RUN is handed to the engine as soon as it is read; the engine runs one at a time, in the
 * order of arrival, because each run blocks this process. So a batch that was sent ahead starts
 * right after the one before it, without a turn through the parent. An instance is unloaded after
 * its last run. What a run throws goes back as ERROR and never ends the process.
 *
 * With several fronts there is a line to each of them, and runs of all lines take turns in the
 * order of arrival. Then one piece of work begins when the one before it is answered, because the
 * record of what runs can name only one. Only the parent loads and unloads.
 */
import { ServingError } from "../../base/index.ts";
import type { ArtifactSpec } from "../engine.ts";
import {
  type ByteSink,
  type Connect,
  type Frame,
  FrameEncoder,
  FrameFault,
  failureOf,
  frameVersion,
  kinds,
  type Lane,
  type RunningRecord,
  readControl,
  readTensors,
  writeChunks,
} from "../frame/index.ts";
import { engineVersion, type OnnxSession, openSession, testEngine } from "../onnx/index.ts";

interface Loaded {
  readonly session: OnnxSession;
  runs: number;
  /** Set when an UNLOAD waits for the last run. */
  onIdle: (() => void) | undefined;
}

/** A front that has its runs done here; 0 is the parent. */
export interface Line {
  readonly front: number;
  readonly sink: ByteSink;
  /** Where large frames may lie; `undefined` where all go through the socket. */
  readonly lane: Lane | undefined;
  /** Told of each RUN frame whose memory nobody looks at any more. */
  giveBack(frame: Frame): void;
}

export interface WorkerOptions {
  readonly parent: Line;
  /** Where it is noted what runs; `undefined` with one front. */
  readonly record: RunningRecord | undefined;
  /** Opens a line to another front. */
  connect(to: Connect): void;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #encoder = new FrameEncoder();
  /** At most as many as the parent loads; it holds the limit. */
  readonly #instances = new Map<number, Loaded>();
  #lastEndMs = 0;
  /** The end of the work that began last; used with several fronts. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Says that the engine works, once it does; the first word of the conversation. */
  async hello(): Promise<void> {
    await testEngine();
    const hello = { frameVersion, engine: engineVersion() };
    this.#control(kinds.hello, { instance: 0, batch: 0 }, { line: this.#parent, value: hello });
  }

  /** The first word to another front. */
  greet(line: Line, worker: number): void {
    this.#control(kinds.greet, { instance: 0, batch: 0 }, { line, value: { worker } });
  }

  beat(): void {
    const extra = Math.ceil(process.memoryUsage.rss() / 1024);
    const head = { kind: kinds.beat, instance: 0, batch: 0, extra };
    const { sink, lane } = this.#parent;
    writeChunks(sink, this.#encoder.bare(head));
    writeChunks(sink, lane?.rest() ?? []);
  }

  /** Takes one frame of a front. Rejects with FrameFault when it makes no sense. */
  async take(frame: Frame, line: Line): Promise<void> {
    if (frame.kind === kinds.run) await this.#run(frame, line);
    else if (line !== this.#parent) throw new FrameFault(`kind ${frame.kind} of another front`);
    else if (frame.kind === kinds.load) await this.#inTurn(frame, line, () => this.#load(frame));
    else if (frame.kind === kinds.unload) await this.#unload(frame);
    else if (frame.kind === kinds.connect) this.#options.connect(readControl(frame) as Connect);
    else throw new FrameFault(`kind ${frame.kind}`);
  }

  get #parent(): Line {
    return this.#options.parent;
  }

  /** Does work at once with one front; with several after all that came before it. */
  async #inTurn<T>(frame: Frame, line: Line, work: () => Promise<T>): Promise<T> {
    const { record } = this.#options;
    if (record === undefined) return await work();
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    record.begin(line.front, frame.batch, frame.kind === kinds.run ? frame.extra : 0);
    try {
      return await work();
    } finally {
      record.end();
      resolve();
    }
  }

  async #load(frame: Frame): Promise<void> {
    const startedAtMs = performance.now();
    const line = this.#parent;
    try {
      const session = await openSession(readControl(frame) as ArtifactSpec);
      this.#instances.set(frame.instance, { session, runs: 0, onIdle: undefined });
      const loadMs = performance.now() - startedAtMs;
      this.#control(kinds.loaded, frame, { line, value: { loadMs } });
    } catch (thrown) {
      const value = failureOf(ServingError.from(thrown));
      this.#control(kinds.failed, frame, { line, value });
    }
  }

  async #unload(frame: Frame): Promise<void> {
    const loaded = this.#instances.get(frame.instance);
    this.#instances.delete(frame.instance);
    if (loaded !== undefined) {
      if (loaded.runs > 0) {
        await new Promise<void>((settle) => {
          loaded.onIdle = settle;
        });
      }
      await loaded.session.release();
    }
    this.#control(kinds.unloaded, frame, { line: this.#parent, value: {} });
  }

  async #run(frame: Frame, line: Line): Promise<void> {
    const loaded = this.#instances.get(frame.instance);
    if (loaded === undefined) {
      this.#refuseRun(frame, line);
      return;
    }
    const sentAtMs = performance.now();
    loaded.runs += 1;
    const asked = { line, loaded, sentAtMs };
    try {
      if (this.#options.record === undefined) await this.#answer(frame, asked);
      else await this.#inTurn(frame, line, () => this.#answer(frame, asked));
    } catch (thrown) {
      const value = failureOf(asFailure(thrown));
      this.#control(kinds.error, frame, { line, value });
    } finally {
      loaded.runs -= 1;
      if (loaded.runs === 0) loaded.onIdle?.();
    }
  }

  async #answer(frame: Frame, { line, loaded, sentAtMs }: Asked): Promise<void> {
    const { instance, batch } = frame;
    const { tensors, indexes, wanted } = readTensors(frame);
    const inputs = placed(tensors, indexes);
    const outputs = await loaded.session.run(inputs, wanted);
    const endMs = performance.now();
    const runMs = endMs - Math.max(sentAtMs, this.#lastEndMs);
    this.#lastEndMs = endMs;
    const head = { kind: kinds.result, instance, batch, extra: Math.round(runMs * 1000) };
    const chunks = this.#encoder.tensors(head, undefined, [{ inputs: outputs }]);
    const sent = send(line, chunks);
    // One chunk is a copy of the outputs; more may be views of the inputs, still to be written.
    if (sent.length === 1) line.giveBack(frame);
  }

  /** The parent never asks so; another front may, when it was not told of an unload yet. */
  #refuseRun(frame: Frame, line: Line): void {
    if (line === this.#parent) throw new FrameFault(`no instance ${frame.instance}`);
    const error = new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
    this.#control(kinds.error, frame, { line, value: failureOf(error) });
  }

  /** Answers `asked`, whose batch number tells the front what this belongs to. */
  #control(kind: number, asked: Pick<Frame, "instance" | "batch">, { line, value }: Said): void {
    const { instance, batch } = asked;
    send(line, this.#encoder.control({ kind, instance, batch }, value));
  }
}

interface Said {
  readonly line: Line;
  readonly value: unknown;
}

interface Asked {
  readonly line: Line;
  readonly loaded: Loaded;
  readonly sentAtMs: number;
}

/** Sends a frame; answers what went through the socket. */
function send(line: Line, chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const sent = line.lane?.send(chunks) ?? chunks;
  writeChunks(line.sink, sent);
  return sent;
}

/** The tensors at their places in the signature; they already are when none was left out. */
function placed<T>(tensors: readonly T[], indexes: readonly number[]): readonly (T | undefined)[] {
  const last = indexes.at(-1);
  if (last === undefined || last === tensors.length - 1) return tensors;
  const inputs: (T | undefined)[] = new Array(last + 1).fill(undefined);
  for (let place = 0; place < tensors.length; place += 1) {
    inputs[indexes[place] ?? 0] = tensors[place];
  }
  return inputs;
}

/** A result that fits no frame is the model's fault; the rest is sorted already. */
function asFailure(thrown: unknown): ServingError {
  if (!(thrown instanceof FrameFault)) return ServingError.from(thrown);
  const message = "the outputs of this batch are larger than a frame may be";
  return new ServingError("MODEL_OUTPUT_INVALID", message, { cause: thrown });
}
