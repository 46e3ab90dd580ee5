/**
 * What the primary front tells another one about its versions, so that nothing is read, proven or
 * loaded twice.
 *
 * Everything in a seed is plain, because it travels between processes as a structured clone: only
 * the elements of text tensors have a class, and are taken apart here. What a version is made of
 * beyond that (checks, batcher, counters) each front makes for itself.
 */
import type { Instance, InstanceState } from "../../engine/index.ts";
import type { ModelPackage, Signature } from "../../model/index.ts";
import type { InferenceRequest } from "../../predict/index.ts";
import type { Registry, VersionState } from "../../registry/index.ts";
import { ByteStrings, type Tensor } from "../../tensor/index.ts";
import type { ServedVersion } from "../served-version.ts";
import { isFailing } from "../standing/watched-standing.ts";

/** One version of the registry. */
export interface VersionSeed {
  readonly model: string;
  readonly version: string;
  readonly isRequired: boolean;
  readonly state: VersionState;
  readonly reason: string;
  /** Present while it is served. */
  readonly served: ServedSeed | undefined;
}

export interface ServedSeed {
  readonly package: ModelPackage;
  /** As the probe left it. */
  readonly signature: Signature;
  readonly loadMs: number;
  readonly readyAtWallMs: number;
  readonly sample: SampleSeed;
  readonly isFailing: boolean;
  readonly instances: readonly InstanceSeed[];
  /** Another number is another version, by the same name too. */
  readonly serial: number;
}

/** An instance and the number by which the fronts speak of it. */
export interface InstanceSeed {
  readonly number: number;
  readonly state: InstanceState;
}

/** A request whose text tensors are taken apart. */
export interface SampleSeed extends Omit<InferenceRequest, "inputs"> {
  readonly inputs: readonly (Tensor | undefined)[];
}

export interface RegistrySeed {
  readonly versions: readonly VersionSeed[];
  readonly aliases: readonly {
    readonly model: string;
    readonly alias: string;
    readonly version: string;
  }[];
}

/** All that is registered, in its order. @param numberOf the number of an instance */
export function registrySeed(
  registry: Registry<ServedVersion>,
  numberOf: (instance: Instance) => number,
): RegistrySeed {
  const versions: VersionSeed[] = [];
  const aliases: { model: string; alias: string; version: string }[] = [];
  for (const model of registry.models.values()) {
    for (const entry of model.versions.values()) {
      const { version, isRequired, state, reason, served } = entry;
      const seed = served === undefined ? undefined : servedSeed(served, numberOf);
      versions.push({ model: model.name, version, isRequired, state, reason, served: seed });
    }
    for (const [alias, version] of model.aliases) {
      aliases.push({ model: model.name, alias, version });
    }
  }
  return { versions, aliases };
}

function servedSeed(served: ServedVersion, numberOf: (instance: Instance) => number): ServedSeed {
  const { signature, loadMs, readyAtWallMs, sample, standing } = served;
  return {
    package: served.package,
    signature,
    loadMs,
    readyAtWallMs,
    sample: { ...sample, inputs: sample.inputs.map(apart) },
    isFailing: isFailing(standing),
    instances: served.loaded.map((each) => ({
      number: numberOf(each),
      state: instanceState(each),
    })),
    serial: served.serial,
  };
}

/** What other fronts are told of an instance. */
export function instanceState(instance: Instance): InstanceState {
  const { isReady, runsMax, startsInMs, problem = "", restarts, seat } = instance;
  const known = seat ?? { worker: 0, member: 0 };
  return { isReady, seat: known, runsMax, startsInMs, problem, restarts };
}

/** The copy alone is sent: `bytes` may be a view of something much larger. */
function apart(tensor: Tensor | undefined): Tensor | undefined {
  if (tensor === undefined) return undefined;
  if (tensor.dtype !== "BYTES") return { ...tensor, elements: tensor.elements.slice() };
  const { offsets, bytes } = tensor.elements;
  return { ...tensor, elements: new ByteStrings(offsets.slice(), bytes.slice()) };
}

/** The request of a seed that has come from another process. */
export function sampleOf(seed: SampleSeed): InferenceRequest {
  return { ...seed, inputs: seed.inputs.map(together) };
}

/** A clone has the fields of its class, but not the class. */
function together(tensor: Tensor | undefined): Tensor | undefined {
  if (tensor === undefined || tensor.dtype !== "BYTES") return tensor;
  const { offsets, bytes } = tensor.elements;
  return { ...tensor, elements: new ByteStrings(offsets, bytes) };
}
