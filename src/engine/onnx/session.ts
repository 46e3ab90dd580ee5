/**
 * One loaded artifact in this process: tensors in, tensors out.
 *
 * Threads are set explicitly, because ONNX Runtime would take every core for itself. The file is
 * loaded by path: external data is found only so, and a model from bytes could read any file under
 * the working directory. Opening compares the engine's own list of inputs and outputs with what our
 * reader found in the file: a difference is refused here and not at the first request.
 * The engine prints nothing below "fatal": its words come with what it throws, and a caller could
 * otherwise fill the log with refused inputs.
 * Runs block this process; the promise only lets the engine be called from its own loop turn.
 */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { ServingError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ArtifactSpec } from "../engine.ts";
import { fromOrt, ortTypeOf, toOrt } from "./convert.ts";
import { loadFailure, runFailure } from "./failure.ts";
import { onnxRuntime } from "./runtime.ts";

/** Loads an artifact. Throws MODEL_LOAD_FAILED. */
export async function openSession(artifact: ArtifactSpec): Promise<OnnxSession> {
  refuseUnexchangeable(artifact);
  let session: InferenceSession;
  try {
    session = await onnxRuntime().InferenceSession.create(artifact.path, {
      executionProviders: ["cpu"],
      intraOpNumThreads: artifact.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 4,
    });
  } catch (thrown) {
    throw loadFailure(thrown);
  }
  try {
    compareSignature(artifact, session);
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
  return new OnnxSession(session, artifact);
}

export class OnnxSession {
  readonly #session: InferenceSession;
  readonly #artifact: ArtifactSpec;
  readonly #allOutputs: readonly string[];

  /** REQUIRES: the session was made from the artifact; use `openSession`. */
  constructor(session: InferenceSession, artifact: ArtifactSpec) {
    this.#session = session;
    this.#artifact = artifact;
    this.#allOutputs = artifact.outputs.map((output) => output.name);
  }

  /**
   * Runs once on whole tensors.
   *
   * @param inputs one place for each input of the artifact; `undefined` = not given
   * @param wanted indexes of the artifact's outputs, or `undefined` for all
   * @throws INPUT_REJECTED_BY_MODEL, MODEL_OUTPUT_INVALID, MEMORY_EXHAUSTED
   */
  async run(
    inputs: readonly (Tensor | undefined)[],
    wanted: readonly number[] | undefined,
  ): Promise<Tensor[]> {
    try {
      const feeds: Record<string, OrtTensor> = {};
      for (let index = 0; index < inputs.length; index += 1) {
        const tensor = inputs[index];
        const spec = this.#artifact.inputs[index];
        if (tensor === undefined || spec === undefined) continue;
        feeds[spec.name] = toOrt(tensor, spec.name);
      }
      const names = wanted === undefined ? this.#allOutputs : this.#namesOf(wanted);
      if (names.length === 0) return [];
      const answers = await this.#session.run(feeds, names);
      return this.#outputsOf(answers, wanted);
    } catch (thrown) {
      throw runFailure(thrown);
    }
  }

  /** Gives the memory back. REQUIRES: no run is under way. */
  async release(): Promise<void> {
    await this.#session.release();
  }

  #namesOf(wanted: readonly number[]): string[] {
    return wanted.map((index) => {
      const output = this.#artifact.outputs[index];
      if (output === undefined) throw new ServingError("INTERNAL", `no output ${index}`);
      return output.name;
    });
  }

  #outputsOf(
    answers: InferenceSession.OnnxValueMapType,
    wanted: readonly number[] | undefined,
  ): Tensor[] {
    const tensors: Tensor[] = [];
    const count = wanted === undefined ? this.#artifact.outputs.length : wanted.length;
    for (let place = 0; place < count; place += 1) {
      const spec = this.#artifact.outputs[wanted === undefined ? place : (wanted[place] ?? 0)];
      if (spec === undefined) continue;
      tensors.push(fromOrt(answers[spec.name] as OrtTensor | undefined, spec.name, spec.dtype));
    }
    return tensors;
  }
}

function refuseUnexchangeable(artifact: ArtifactSpec): void {
  for (const { name, dtype } of [...artifact.inputs, ...artifact.outputs]) {
    if (ortTypeOf(dtype) !== undefined) continue;
    throw new ServingError(
      "MODEL_LOAD_FAILED",
      `the model cannot be loaded: ${name} is ${dtype}, which the engine cannot exchange; ` +
        "export it with FP32 or FP16 inputs and outputs",
    );
  }
}

/**
 * Refuses a session whose names or dtypes are not those of the artifact. The engine leaves inputs
 * with a default out of its list, so an input that it does not list may still be fed.
 */
function compareSignature(artifact: ArtifactSpec, session: InferenceSession): void {
  const inputs = new Map(artifact.inputs.map((spec) => [spec.name, spec.dtype]));
  for (const metadata of session.inputMetadata) {
    const dtype = inputs.get(metadata.name);
    if (dtype === undefined) differ(`input ${metadata.name} is not in the signature`);
    if (metadata.isTensor && metadata.type !== ortTypeOf(dtype)) {
      differ(`input ${metadata.name} is ${metadata.type} and not ${dtype}`);
    }
  }
  const outputs = new Map(session.outputMetadata.map((each) => [each.name, each]));
  for (const { name, dtype } of artifact.outputs) {
    const metadata = outputs.get(name);
    if (metadata === undefined) differ(`it has no output ${name}`);
    if (metadata.isTensor && metadata.type !== ortTypeOf(dtype)) {
      differ(`output ${name} is ${metadata.type} and not ${dtype}`);
    }
  }
}

function differ(what: string): never {
  throw new ServingError("MODEL_LOAD_FAILED", `the engine reads the model differently: ${what}`);
}
