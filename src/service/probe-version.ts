/**
 * Proves a version before anyone relies on it.
 *
 * Its samples must give their recorded answers; without samples made-up inputs are run, where an
 * error is only a warning (not every model takes made-up inputs; death and hang were seen by the
 * trial before). Then the batch layout is put to the test: two different items run together must
 * answer what each answers alone, or the version runs each request alone from then on, because a
 * wrong answer to a neighbour is worse than a slow one.
 */
import { ServingError } from "../base/index.ts";
import type { BatchResult, Instance } from "../engine/index.ts";
import type { ModelPackage, Sample, Signature } from "../model/index.ts";
import type { InferenceRequest } from "../predict/index.ts";
import { concatItems, sliceItems, type Tensor } from "../tensor/index.ts";
import { differenceOf } from "./compare-tensors.ts";
import { madeUpInputs } from "./made-up-inputs.ts";

export interface Probe {
  /** The package's signature, its layout cut down to `none` when batches did not agree. */
  readonly signature: Signature;
  /** A request that the version answered, or the made-up one that it refused. */
  readonly sample: InferenceRequest;
  /** False when no run succeeded, so that warming up makes no sense. */
  readonly hasAnswered: boolean;
  readonly warnings: readonly string[];
}

type Inputs = readonly (Tensor | undefined)[];

const wallMsMax = 30_000;
/** Batched and single runs may sum in another order. */
const batchTolerance = 1e-4;

/** @throws MODEL_LOAD_FAILED when a sample's answer differs from the recorded one */
export async function probeVersion(
  pack: ModelPackage,
  samples: readonly Sample[],
  instances: readonly Instance[],
): Promise<Probe> {
  const instance = instances[0];
  if (instance === undefined) throw new ServingError("MODEL_LOAD_FAILED", "no instance to probe");
  const { signature } = pack;
  const warnings: string[] = [];
  for (const sample of samples) await checkSample(instance, pack, sample);
  const items = signature.layout.kind === "fixed" ? signature.layout.items : 1;
  const inputs = samples[0]?.request.inputs ?? madeUpInputs(signature, { items, seed: 1 });
  let hasAnswered = samples.length > 0;
  if (!hasAnswered) {
    const refusal = await refusalOf(instance, inputs);
    hasAnswered = refusal === undefined;
    if (refusal !== undefined) warnings.push(noAnswer(refusal));
  }
  const probed = await withProvenLayout(instance, { signature, inputs, warnings });
  const isItems = probed.layout.kind !== "none";
  const sample: InferenceRequest = {
    inputs,
    items: isItems ? (inputs.find((each) => each !== undefined)?.shape[0] ?? 1) : 1,
    outputs: undefined,
    parameters: undefined,
  };
  return { signature: probed, sample, hasAnswered, warnings };
}

function noAnswer(refusal: ServingError): string {
  return (
    `the model refused made-up inputs (${refusal.code}), so nothing is proven yet: ` +
    "add samples.jsonl to the package"
  );
}

/** Runs each instance `runs` times. */
export async function warmUp(
  instances: readonly Instance[],
  probe: Probe,
  runs: number,
): Promise<void> {
  if (!probe.hasAnswered) return;
  for (const instance of instances) {
    for (let count = 0; count < runs; count += 1) await run(instance, probe.sample.inputs);
  }
}

async function run(instance: Instance, inputs: Inputs): Promise<BatchResult> {
  return await instance.run({ parts: [{ inputs }], outputs: undefined, wallMsMax });
}

async function refusalOf(instance: Instance, inputs: Inputs): Promise<ServingError | undefined> {
  try {
    await run(instance, inputs);
    return undefined;
  } catch (thrown) {
    const error = ServingError.from(thrown);
    if (error.code === "WORKER_LOST" || error.code === "ENGINE_TIMEOUT") {
      const message = "the model kills or hangs its worker on the smallest legal input";
      throw new ServingError("MODEL_LOAD_FAILED", message, { cause: error });
    }
    return error;
  }
}

async function checkSample(instance: Instance, pack: ModelPackage, sample: Sample): Promise<void> {
  const place = `sample in line ${sample.line} of ${pack.name} ${pack.version}`;
  let outputs: readonly Tensor[];
  try {
    outputs = (await run(instance, sample.request.inputs)).outputs;
  } catch (thrown) {
    const error = ServingError.from(thrown);
    throw new ServingError("MODEL_LOAD_FAILED", `${place} was refused: ${error.code}`, {
      cause: error,
    });
  }
  for (const { index, tensor } of sample.expected) {
    const got = outputs[index];
    const difference =
      got === undefined ? "is missing" : differenceOf(got, tensor, sample.tolerance);
    if (difference === undefined) continue;
    const name = pack.signature.outputs[index]?.name ?? "";
    throw new ServingError("MODEL_LOAD_FAILED", `${place}: output '${name}' ${difference}`);
  }
}

interface LayoutCheck {
  readonly signature: Signature;
  readonly inputs: Inputs;
  readonly warnings: string[];
}

/**
 * Keeps a `dynamic` layout only when a batch of two answers what two single runs answer, and a
 * `fixed` one only when an item's answer does not depend on the items beside it.
 */
async function withProvenLayout(instance: Instance, check: LayoutCheck): Promise<Signature> {
  const { signature, inputs, warnings } = check;
  const { layout } = signature;
  if (layout.kind === "none") return signature;
  const reason =
    layout.kind === "dynamic"
      ? await batchFault(instance, signature, inputs)
      : await fixedFault(instance, { signature, inputs, items: layout.items });
  if (reason === undefined) return signature;
  warnings.push(`requests run alone: ${reason}`);
  return { ...signature, layout: { kind: "none", reason } };
}

async function batchFault(
  instance: Instance,
  signature: Signature,
  inputs: Inputs,
): Promise<string | undefined> {
  const first = inputs.map((tensor) => tensor && sliceItems(tensor, 0, 1));
  const second = madeUpInputs(signature, { items: 1, seed: 2, like: first });
  try {
    const alone = [(await run(instance, first)).outputs, (await run(instance, second)).outputs];
    const pair = first.map((tensor, index) => {
      const other = second[index];
      return tensor && other && concatItems([tensor, other]);
    });
    const together = (await run(instance, pair)).outputs;
    for (const [index, output] of together.entries()) {
      const name = signature.outputs[index]?.name ?? "";
      if (output.shape[0] !== 2) {
        return `output '${name}' of two items has ${output.shape[0] ?? "no"} rows`;
      }
      for (const item of [0, 1]) {
        const single = alone[item]?.[index];
        if (single === undefined) continue;
        const difference = differenceOf(sliceItems(output, item, item + 1), single, batchTolerance);
        if (difference !== undefined) return `output '${name}' of a batch of two ${difference}`;
      }
    }
    return undefined;
  } catch (thrown) {
    const { code } = ServingError.from(thrown);
    // A model that refuses made-up values says nothing about batches.
    if (code !== "INPUT_REJECTED_BY_MODEL") throw thrown;
    return await pairOfSame(instance, signature, first);
  }
}

interface FixedCheck {
  readonly signature: Signature;
  readonly inputs: Inputs;
  readonly items: number;
}

/** Fills a batch up with copies of its first item, as short batches are, and compares that item. */
async function fixedFault(instance: Instance, check: FixedCheck): Promise<string | undefined> {
  const { signature, inputs, items } = check;
  const filled = inputs.map((tensor) => {
    const first = tensor && sliceItems(tensor, 0, 1);
    return first && concatItems(Array.from({ length: items }, () => first));
  });
  try {
    const mixed = (await run(instance, inputs)).outputs;
    const alike = (await run(instance, filled)).outputs;
    for (const [index, output] of mixed.entries()) {
      const name = signature.outputs[index]?.name ?? "";
      const other = alike[index];
      if (output.shape[0] !== items || other?.shape[0] !== items) {
        return `output '${name}' of ${items} items has ${output.shape[0] ?? "no"} rows`;
      }
      const pair = [sliceItems(output, 0, 1), sliceItems(other, 0, 1)] as const;
      const difference = differenceOf(...pair, batchTolerance);
      if (difference !== undefined) return `output '${name}' depends on the items beside it`;
    }
    return undefined;
  } catch (thrown) {
    const { code } = ServingError.from(thrown);
    if (code !== "INPUT_REJECTED_BY_MODEL") throw thrown;
    return undefined;
  }
}

/** The same item twice, for models that take no made-up values. */
async function pairOfSame(
  instance: Instance,
  signature: Signature,
  first: Inputs,
): Promise<string | undefined> {
  try {
    const single = (await run(instance, first)).outputs;
    const pair = first.map((tensor) => tensor && concatItems([tensor, tensor]));
    const together = (await run(instance, pair)).outputs;
    for (const [index, output] of together.entries()) {
      const name = signature.outputs[index]?.name ?? "";
      const expected = single[index];
      if (expected === undefined || output.shape[0] !== 2) return `output '${name}' has no rows`;
      const difference = differenceOf(sliceItems(output, 1, 2), expected, batchTolerance);
      if (difference !== undefined) return `output '${name}' of a batch of two ${difference}`;
    }
    return undefined;
  } catch (thrown) {
    const { code } = ServingError.from(thrown);
    if (code !== "INPUT_REJECTED_BY_MODEL") throw thrown;
    return "a batch of two was refused";
  }
}
