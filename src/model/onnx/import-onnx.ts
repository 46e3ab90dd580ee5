/**
 * Takes a model file in: checked, understood, and ready for the engine.
 *
 * In this order: the file itself (kind, links, size), its structure, its external data, its graph,
 * its signature; the first thing that is wrong refuses the version. A model with ZipMap outputs is
 * written anew into the cache folder, never into the package, which may be read-only; its external
 * data is copied beside it, because locations are relative to the model.
 */
import { join, posix } from "node:path";
import { type Limits, quote, ServingError } from "../../base/index.ts";
import type { Signature } from "../signature.ts";
import { checkGraph } from "./check/check-graph.ts";
import { checkExternalFiles, type ExternalFile } from "./check/external-files.ts";
import { type PackageFile, type PackagePlace, withPackageFile } from "./check/package-file.ts";
import { type OnnxFacts, onnxFacts } from "./describe-onnx.ts";
import { PackageDigest } from "./digest.ts";
import type { OnnxModel } from "./onnx-model.ts";
import { checkArtifactSize, checkTotalSize, readArtifact } from "./read/read-artifact.ts";
import { rewriteZipMaps } from "./rewrite-zip-maps.ts";
import { type DerivedSignature, deriveSignature } from "./signature/derive-signature.ts";
import type { ZipMap } from "./signature/zip-maps.ts";
import { writeModelCopy } from "./write-model-copy.ts";

export interface OnnxSource {
  /** Absolute path of the package's folder; nothing outside it is read. */
  readonly folder: string;
  /** The artifact's path in the folder, with `/`. */
  readonly location: string;
  readonly limits: Pick<Limits, "modelFileBytesMax" | "modelNodesMax">;
  /** Absolute path of a folder for rewritten models; made when needed. */
  readonly cacheFolder: string;
  /** The bytes of the manifest, which count for the digest; `undefined` when there is none. */
  readonly manifest: Uint8Array | undefined;
  /** True when the engine's process can construct this locale. */
  readonly hasLocale: (name: string) => boolean;
}

export interface OnnxImport {
  /** Absolute path of the file the engine loads. */
  readonly path: string;
  /** SHA-256 of artifact, external data and manifest, hexadecimal. */
  readonly digest: string;
  readonly signature: Signature;
  readonly facts: OnnxFacts;
  /** Whole sentences for the operator. */
  readonly warnings: readonly string[];
}

export interface OnnxDescription {
  readonly facts: OnnxFacts;
  /** `undefined` when the version would be refused. */
  readonly signature: Signature | undefined;
  readonly warnings: readonly string[];
  /** Why the version would be refused, or `undefined`. */
  readonly refusal: string | undefined;
}

type ReadRules = Omit<OnnxSource, "cacheFolder" | "manifest">;

/** What was read of a file, before it is judged. */
interface Study {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  readonly external: readonly ExternalFile[];
}

/** @throws MODEL_INVALID with one line that says what is wrong, where, and what to do */
export async function importOnnx(source: OnnxSource): Promise<OnnxImport> {
  return await withPackageFile(artifactPlace(source), async (file) => {
    const { bytes, model } = await readModelFile(source, file);
    const external = await checkExternal(source, file, model);
    const study = { bytes, model, external };
    const derived = judge(source, study);
    const digest = await digestOf(source, study);
    const isRewritten = derived.zipMaps.length > 0;
    const path = isRewritten ? await writeCopy({ source, study, digest, ...derived }) : file.path;
    const { signature, warnings } = derived;
    return { path, digest, signature, facts: factsOf(study), warnings };
  });
}

/**
 * Describes a model file, also one that would be refused. Writes nothing.
 *
 * @throws MODEL_INVALID when the file cannot be read as a model at all
 */
export async function describeOnnx(source: ReadRules): Promise<OnnxDescription> {
  return await withPackageFile(artifactPlace(source), async (file) => {
    const { bytes, model } = await readModelFile(source, file);
    let external: readonly ExternalFile[] = [];
    try {
      external = await checkExternal(source, file, model);
      const { signature, warnings } = judge(source, { bytes, model, external });
      const facts = onnxFacts(model, bytes.byteLength, external);
      return { facts, signature, warnings, refusal: undefined };
    } catch (thrown) {
      if (!ServingError.is(thrown)) throw thrown;
      const facts = onnxFacts(model, bytes.byteLength, external);
      return { facts, signature: undefined, warnings: [], refusal: thrown.message };
    }
  });
}

function artifactPlace({ folder, location }: ReadRules): PackagePlace {
  const title = `model file ${quote(posix.basename(location))}`;
  return { folder, location, title, isLinkAllowed: true };
}

async function readModelFile(
  source: ReadRules,
  file: PackageFile,
): Promise<Pick<Study, "bytes" | "model">> {
  checkArtifactSize(file.bytes, source.limits.modelFileBytesMax);
  const bytes = await file.handle.readFile();
  return { bytes, model: readArtifact(bytes, source.limits.modelNodesMax) };
}

async function checkExternal(
  source: ReadRules,
  file: PackageFile,
  model: OnnxModel,
): Promise<readonly ExternalFile[]> {
  const { folder, limits } = source;
  const external = await checkExternalFiles(model, { folder, location: file.location });
  const total = external.reduce((sum, each) => sum + each.bytes, file.bytes);
  checkTotalSize(total, limits.modelFileBytesMax);
  return external;
}

/** @throws MODEL_INVALID when the graph cannot be served */
function judge(source: ReadRules, study: Study): DerivedSignature {
  const { limits, hasLocale } = source;
  checkGraph(study.model, { nodesMax: limits.modelNodesMax, hasLocale });
  return deriveSignature(study.model);
}

function factsOf(study: Study): OnnxFacts {
  return onnxFacts(study.model, study.bytes.byteLength, study.external);
}

async function digestOf(source: OnnxSource, study: Study): Promise<string> {
  const digest = new PackageDigest();
  await digest.addBytes("artifact", study.bytes);
  for (const { location, packageLocation } of study.external) {
    const title = `external data file ${quote(location)}`;
    const place = { folder: source.folder, location: packageLocation, title, isLinkAllowed: false };
    await withPackageFile(place, async (file) => {
      await digest.addFile(location, file.handle, file.bytes);
    });
  }
  if (source.manifest !== undefined) await digest.addBytes("manifest", source.manifest);
  return digest.hex();
}

interface Copy {
  readonly source: OnnxSource;
  readonly study: Study;
  readonly digest: string;
  readonly zipMaps: readonly ZipMap[];
}

/** @throws MODEL_LOAD_FAILED when the cache folder cannot be written */
async function writeCopy({ source, study, digest, zipMaps }: Copy): Promise<string> {
  const bytes = rewriteZipMaps(study.bytes, zipMaps);
  const files = study.external.map(({ location, packageLocation }) => ({
    location,
    from: join(source.folder, packageLocation),
  }));
  try {
    const name = posix.basename(source.location);
    return await writeModelCopy({ cacheFolder: source.cacheFolder, name, digest, bytes, files });
  } catch (cause) {
    throw new ServingError(
      "MODEL_LOAD_FAILED",
      "the rewritten model cannot be written; make the cache folder writable or name another one",
      { cause },
    );
  }
}
