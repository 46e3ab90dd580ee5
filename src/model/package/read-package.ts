/**
 * Reads a package: manifest or Triton configuration, artifact, and what the two say together.
 *
 * The order is cheap to dear: the manifest (a fault in it needs no look at gigabytes), identity,
 * the artifact with its validation, then the merge. A `model.yaml` in a version folder of Triton's
 * layout takes the place of `config.pbtxt`, so that each setting has one source. Nothing is written
 * into the package; a model that must be rewritten goes to the cache folder.
 */
import { type Limits, quote, ServingError } from "../../base/index.ts";
import { checkSendable } from "../input/least-request.ts";
import { withPackageFile } from "../onnx/check/package-file.ts";
import { importOnnx, type OnnxImport } from "../onnx/index.ts";
import type { Signature } from "../signature.ts";
import { manifestFile } from "./layout.ts";
import {
  defaultManifest,
  manifestBytesMax,
  type ReadManifest,
  readManifest,
} from "./manifest/read-manifest.ts";
import { freezeSignature, mergeSignature } from "./merge-signature.ts";
import type { ModelPackage, PackageSettings } from "./model-package.ts";
import type { PackageLocation, TritonPlace } from "./package-location.ts";
import { runCeilings } from "./run-settings.ts";
import { applyTritonConfig } from "./triton/apply-config.ts";
import { readLabels } from "./triton/read-labels.ts";

export interface ReadOptions {
  readonly limits: Pick<
    Limits,
    "modelFileBytesMax" | "modelNodesMax" | "elementsMax" | "binaryBodyBytesMax"
  >;
  /** Absolute path of a folder for rewritten models; made when needed. */
  readonly cacheFolder: string;
  /** True when the engine's process can construct this locale. */
  readonly hasLocale: (name: string) => boolean;
}

/** @throws MODEL_INVALID, MODEL_LOAD_FAILED in words for the operator */
export async function readPackage(
  location: PackageLocation,
  options: ReadOptions,
): Promise<ModelPackage> {
  const manifestBytes = location.hasManifest ? await manifestBytesOf(location) : undefined;
  const said =
    manifestBytes === undefined ? defaultManifest() : readManifest(manifestBytes, manifestFile);
  const { manifest } = said;
  const triton = location.hasManifest ? undefined : location.triton;
  const identity = identityOf(location, said);
  if (triton !== undefined) checkTritonName(location, triton);
  const artifactName = manifest.artifact ?? location.artifact;
  if (artifactName === undefined) throw noArtifact(said);
  const labels = triton === undefined ? undefined : await readLabels(triton);
  const artifact = await importOnnx({
    folder: location.folder,
    location: artifactName,
    limits: options.limits,
    cacheFolder: options.cacheFolder,
    manifest: labels === undefined ? manifestBytes : labels.digested,
    hasLocale: options.hasLocale,
  });
  const signature =
    triton === undefined || labels === undefined
      ? mergeSignature(artifact.signature, said)
      : freezeSignature(applyTritonConfig(artifact.signature, triton.config, labels.lists));
  checkSendable(signature, options.limits);
  const settings = settingsOf(said, triton);
  const metadata =
    triton === undefined ? manifest.metadata : Object.fromEntries(triton.config.parameters);
  return Object.freeze({
    ...identity,
    layout: location.layout,
    folder: location.folder,
    artifactName,
    artifactPath: artifact.path,
    digest: artifact.digest,
    signature,
    settings,
    samples: manifest.samples,
    description: manifest.description ?? artifact.facts.doc,
    metadata,
    facts: artifact.facts,
    isRequired: location.isRequired,
    warnings: warningsOf(location, artifact, signature),
  });
}

async function manifestBytesOf(location: PackageLocation): Promise<Uint8Array> {
  const place = {
    folder: location.folder,
    location: manifestFile,
    title: manifestFile,
    isLinkAllowed: true,
  };
  return await withPackageFile(place, async (file) => {
    if (file.bytes <= manifestBytesMax) return await file.handle.readFile();
    const message = `${manifestFile}: ${file.bytes} bytes, expected at most ${manifestBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  });
}

/** The manifest's word, except against a flag or the folders of a repository. */
function identityOf(
  location: PackageLocation,
  said: ReadManifest,
): { readonly name: string; readonly version: string } {
  const { manifest, problems } = said;
  const { isNameFixed, isVersionFixed, layout } = location;
  const isInRepository = layout === "repository" || layout === "triton";
  if (isInRepository && isNameFixed && (manifest.name ?? location.name) !== location.name) {
    const name = quote(location.name);
    problems.add(["name"], `got ${quote(manifest.name ?? "")}, but the folder is that of ${name}`);
  }
  if (isVersionFixed && (manifest.version ?? location.version) !== location.version) {
    const text = `got ${quote(manifest.version ?? "")}, but the folder is`;
    problems.add(["version"], `${text} ${quote(location.version)}`);
  }
  problems.throwIfAny();
  return {
    name: isNameFixed ? location.name : (manifest.name ?? location.name),
    version: isVersionFixed ? location.version : (manifest.version ?? location.version),
  };
}

function checkTritonName(location: PackageLocation, triton: TritonPlace): void {
  const { name } = triton.config;
  if (name === undefined || name === "" || name === location.name) return;
  throw new ServingError(
    "MODEL_INVALID",
    `config.pbtxt: name is ${quote(name)}, but the folder is that of ${quote(location.name)}`,
  );
}

function noArtifact(said: ReadManifest): ServingError {
  return new ServingError(
    "MODEL_INVALID",
    `${said.problems.file}: artifact: missing, and the folder does not hold model.onnx or ` +
      "exactly one .onnx or .ort file",
  );
}

function settingsOf(
  { manifest, problems }: ReadManifest,
  triton: TritonPlace | undefined,
): PackageSettings {
  const { batching, isolation, instances, threads, workers, warmup, limits } = manifest;
  if (manifest.deadlineMsDefault !== undefined && limits.deadlineMsDefault !== undefined) {
    problems.add(["limits", "deadlineMsDefault"], "given twice, expected once");
    problems.throwIfAny();
  }
  const deadlineMsDefault = manifest.deadlineMsDefault ?? limits.deadlineMsDefault;
  const own = { batching, isolation, instances, threads, workers, warmup };
  const settings: PackageSettings = {
    ...own,
    limits: {
      requestItemsMax: limits.requestItemsMax,
      deadlineMsDefault,
      queueItemsMax: limits.queueItemsMax,
      batchWallMsMax: limits.batchWallMsMax,
    },
  };
  return triton === undefined ? settings : tritonSettings(settings, triton);
}

/** A request over `max_batch_size` is refused, as Triton does; nothing is split. */
function tritonSettings(settings: PackageSettings, triton: TritonPlace): PackageSettings {
  const { itemsMax, delayMsMax, instances } = triton.config;
  const isLimited = itemsMax !== undefined && itemsMax > 0;
  return {
    ...settings,
    batching: {
      ...settings.batching,
      itemsMax: isLimited ? Math.min(itemsMax, runCeilings.itemsMax) : settings.batching.itemsMax,
      delayMsMax: delayMsMax ?? settings.batching.delayMsMax,
    },
    instances: instances ?? settings.instances,
    limits: {
      ...settings.limits,
      requestItemsMax: isLimited ? itemsMax : settings.limits.requestItemsMax,
    },
  };
}

function warningsOf(
  location: PackageLocation,
  artifact: OnnxImport,
  signature: Signature,
): readonly string[] {
  const warnings = [...artifact.warnings];
  const { triton } = location;
  if (triton !== undefined) {
    if (location.hasManifest) {
      warnings.push(`${manifestFile} is used, config.pbtxt beside it only for its version_policy`);
    } else warnings.push(...triton.config.warnings);
    const isAlone = signature.layout.kind === "none";
    if (!location.hasManifest && isAlone && (triton.config.itemsMax ?? 0) > 0) {
      warnings.push("config.pbtxt says max_batch_size, but the artifact's shapes allow no batches");
    }
  }
  return warnings;
}
