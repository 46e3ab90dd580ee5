/**
 * Where a package lies and what its place says about it, before anything in it is read.
 */
import type { ModelAlias } from "./aliases/alias.ts";
import type { TritonConfig } from "./triton/read-config.ts";

export interface PackageLocation {
  /** Model name and version by flag or place; the manifest may say otherwise where not fixed. */
  readonly name: string;
  readonly version: string;
  /**
   * - `file`: a bare model file
   * - `package`: the folder of one version, named itself
   * - `repository`: a member of `name/` or `name/version/`
   * - `triton`: a version folder below a `config.pbtxt`
   */
  readonly layout: "file" | "package" | "repository" | "triton";
  /** Absolute path, without links, of the folder that holds the artifact. */
  readonly folder: string;
  /** The model file's name in the folder, or `undefined` when only the manifest can tell. */
  readonly artifact: string | undefined;
  readonly hasManifest: boolean;
  readonly triton: TritonPlace | undefined;
  /** The name comes from a flag or a repository: a manifest that says another is wrong. */
  readonly isNameFixed: boolean;
  readonly isVersionFixed: boolean;
  /** Named by the operator himself: the start fails without it. */
  readonly isRequired: boolean;
}

export interface TritonPlace {
  /** Absolute path of the model's folder, which holds `config.pbtxt` and label files. */
  readonly modelFolder: string;
  readonly config: TritonConfig;
  /** The file's bytes, which count for the digest. */
  readonly bytes: Uint8Array;
}

/** A package that cannot be served, and why, in words for the operator. */
export interface RefusedPackage {
  readonly name: string;
  /** `undefined` when the whole model is refused. */
  readonly version: string | undefined;
  readonly reason: string;
}

export interface Discovery {
  readonly packages: readonly PackageLocation[];
  readonly refused: readonly RefusedPackage[];
  /** By the words of the models' folders. */
  readonly aliases: readonly ModelAlias[];
}
