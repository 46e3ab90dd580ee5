/**
 * The engine in this process (`isolation: inline`): for tests, the edge and the smallest models.
 *
 * The same port as `host/` and the same answers, without the protection: a run blocks the event
 * loop, `wallMsMax` cannot be enforced and a crash takes the server along.
 */
import { ServingError } from "../base/index.ts";
import { concatItems, type Tensor } from "../tensor/index.ts";
import type { ArtifactSpec, Batch, BatchResult, Engine, Instance } from "./engine.ts";
import { type OnnxSession, openSession } from "./onnx/index.ts";

export function createInlineEngine(): Engine {
  /** One for each loaded version; the registry holds their number. */
  const open = new Set<InlineInstance>();
  return {
    async load(artifact: ArtifactSpec): Promise<Instance> {
      const instance = new InlineInstance(await openSession(artifact), artifact);
      open.add(instance);
      return instance;
    },
    async close(): Promise<void> {
      await Promise.all([...open].map((instance) => instance.close()));
      open.clear();
    },
  };
}

class InlineInstance implements Instance {
  readonly runsMax = 1;
  readonly startsInMs = 0;
  readonly restarts = 0;
  readonly memoryBytes = 0;
  readonly #session: OnnxSession;
  readonly #inputs: number;
  /** A handful: one for each predictor that uses the instance. */
  readonly #listeners: (() => void)[] = [];
  /** Runs under way, and what waits for the last of them. */
  #runs = 0;
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(session: OnnxSession, artifact: ArtifactSpec) {
    this.#session = session;
    this.#inputs = artifact.inputs.length;
  }

  get isReady(): boolean {
    return this.#closed === undefined;
  }

  async run(batch: Batch): Promise<BatchResult> {
    if (this.#closed !== undefined) throw closedError();
    this.#runs += 1;
    const startedAtMs = performance.now();
    try {
      const outputs = await this.#session.run(joined(batch, this.#inputs), batch.outputs);
      if (this.#closed !== undefined) throw closedError();
      return { outputs, runMs: performance.now() - startedAtMs };
    } finally {
      this.#runs -= 1;
      if (this.#runs === 0) this.#onIdle?.();
    }
  }

  onReadyChange(act: () => void): void {
    this.#listeners.push(act);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    queueMicrotask(() => {
      for (const act of this.#listeners) act();
    });
    if (this.#runs > 0) {
      await new Promise<void>((settle) => {
        this.#onIdle = settle;
      });
    }
    await this.#session.release();
  }
}

function closedError(): ServingError {
  return new ServingError("MODEL_NOT_READY", "this instance of the model is closed");
}

/** The inputs of all parts, joined along the first dimension. */
function joined(batch: Batch, inputs: number): (Tensor | undefined)[] {
  const whole: (Tensor | undefined)[] = [];
  for (let index = 0; index < inputs; index += 1) {
    const shares = batch.parts.map((part) => part.inputs[index]);
    const given = shares.filter((share) => share !== undefined);
    whole.push(given.length === 0 ? undefined : concatItems(given));
  }
  return whole;
}
