/**
 * The child's side of the conversation: frames in, runs of the engine, frames out.
 *
 * Every RUN is handed to the engine as soon as it is read; the engine runs one at a time, in the
 * order of arrival, because each run blocks this process. So a batch that was sent ahead starts
 * right after the one before it, without a turn through the parent. An instance is unloaded after
 * its last run. What a run throws goes back as ERROR and never ends the process.
 */
import { ServingError } from "../../base/index.ts";
import type { ArtifactSpec } from "../engine.ts";
import {
  type ByteSink,
  type Frame,
  FrameEncoder,
  FrameFault,
  failureOf,
  frameVersion,
  kinds,
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

export class Worker {
  readonly #sink: ByteSink;
  readonly #encoder = new FrameEncoder();
  /** At most as many as the parent loads; it holds the limit. */
  readonly #instances = new Map<number, Loaded>();
  readonly #giveBack: (frame: Frame) => void;
  #lastEndMs = 0;

  /** @param giveBack is told of each RUN frame whose memory nobody looks at any more */
  constructor(sink: ByteSink, giveBack: (frame: Frame) => void) {
    this.#sink = sink;
    this.#giveBack = giveBack;
  }

  /** Says that the engine works, once it does; the first word of the conversation. */
  async hello(): Promise<void> {
    await testEngine();
    const hello = { frameVersion, engine: engineVersion() };
    this.#control(kinds.hello, { instance: 0, batch: 0 }, hello);
  }

  beat(): void {
    const extra = Math.ceil(process.memoryUsage.rss() / 1024);
    const head = { kind: kinds.beat, instance: 0, batch: 0, extra };
    writeChunks(this.#sink, this.#encoder.bare(head));
  }

  /** Takes one frame of the parent. Rejects with FrameFault when it makes no sense. */
  async take(frame: Frame): Promise<void> {
    if (frame.kind === kinds.run) await this.#run(frame);
    else if (frame.kind === kinds.load) await this.#load(frame);
    else if (frame.kind === kinds.unload) await this.#unload(frame);
    else throw new FrameFault(`kind ${frame.kind}`);
  }

  async #load(frame: Frame): Promise<void> {
    const startedAtMs = performance.now();
    try {
      const session = await openSession(readControl(frame) as ArtifactSpec);
      this.#instances.set(frame.instance, { session, runs: 0, onIdle: undefined });
      const loadMs = performance.now() - startedAtMs;
      this.#control(kinds.loaded, frame, { loadMs });
    } catch (thrown) {
      this.#control(kinds.failed, frame, failureOf(ServingError.from(thrown)));
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
    this.#control(kinds.unloaded, frame, {});
  }

  async #run(frame: Frame): Promise<void> {
    const { instance, batch } = frame;
    const loaded = this.#instances.get(instance);
    if (loaded === undefined) throw new FrameFault(`no instance ${instance}`);
    const sentAtMs = performance.now();
    loaded.runs += 1;
    try {
      const { tensors, indexes, wanted } = readTensors(frame);
      const inputs = placed(tensors, indexes);
      const outputs = await loaded.session.run(inputs, wanted);
      const endMs = performance.now();
      const runMs = endMs - Math.max(sentAtMs, this.#lastEndMs);
      this.#lastEndMs = endMs;
      const head = { kind: kinds.result, instance, batch, extra: Math.round(runMs * 1000) };
      const chunks = this.#encoder.tensors(head, undefined, [{ inputs: outputs }]);
      writeChunks(this.#sink, chunks);
      // One chunk is a copy of the outputs; more may be views of the inputs, still to be written.
      if (chunks.length === 1) this.#giveBack(frame);
    } catch (thrown) {
      this.#control(kinds.error, frame, failureOf(asFailure(thrown)));
    } finally {
      loaded.runs -= 1;
      if (loaded.runs === 0) loaded.onIdle?.();
    }
  }

  /** Answers `asked`, whose batch number tells the parent what this belongs to. */
  #control(kind: number, asked: Pick<Frame, "instance" | "batch">, value: unknown): void {
    const { instance, batch } = asked;
    writeChunks(this.#sink, this.#encoder.control({ kind, instance, batch }, value));
  }
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
