/**
 * A package that was read: everything that is known of a version before an engine sees it.
 */
import type { Limits } from "../../base/index.ts";
import type { OnnxFacts } from "../onnx/index.ts";
import type { Signature } from "../signature.ts";
import type { Manifest } from "./manifest/manifest-schema.ts";
import type { PackageLocation } from "./package-location.ts";

/** How the version wants to be run; after reading, nothing is optional but the limits. */
export interface PackageSettings {
  readonly batching: Manifest["batching"];
  readonly isolation: Manifest["isolation"];
  readonly instances: Manifest["instances"];
  readonly threads: number;
  readonly workers: Manifest["workers"];
  readonly warmup: Manifest["warmup"];
  /** The model's own limits; `undefined` = the server's. */
  readonly limits: PackageLimits;
}

export interface PackageLimits {
  /** Items of one request. Triton's `max_batch_size` is one: larger requests are refused. */
  readonly requestItemsMax: number | undefined;
  readonly deadlineMsDefault: number | undefined;
  readonly queueItemsMax: number | undefined;
  readonly batchWallMsMax: number | undefined;
}

export interface ModelPackage {
  readonly name: string;
  readonly version: string;
  readonly layout: PackageLocation["layout"];
  /** Absolute path of the package's folder. */
  readonly folder: string;
  /** The model file's path in the folder, with `/`. */
  readonly artifactName: string;
  /** Absolute path of the file that the engine loads, a rewritten copy where one was needed. */
  readonly artifactPath: string;
  /** SHA-256 over artifact, external files and manifest, hexadecimal. */
  readonly digest: string;
  /** Frozen. */
  readonly signature: Signature;
  readonly settings: PackageSettings;
  /** Path of the samples in the folder, or `undefined`. */
  readonly samples: string | undefined;
  readonly description: string;
  readonly metadata: Manifest["metadata"];
  readonly facts: OnnxFacts;
  readonly isRequired: boolean;
  /** Whole sentences for the operator. */
  readonly warnings: readonly string[];
}

/**
 * The limits that hold for a version: a package may lower the server's, never raise them, because
 * it comes from a stranger. Only the default deadline may be longer, up to `deadlineMsMax`.
 */
export function limitsOfPackage(server: Limits, own: PackageLimits): Limits {
  return Object.freeze({
    ...server,
    requestItemsMax: lower(server.requestItemsMax, own.requestItemsMax),
    queueItemsMax: lower(server.queueItemsMax, own.queueItemsMax),
    batchWallMsMax: lower(server.batchWallMsMax, own.batchWallMsMax),
    deadlineMsDefault:
      own.deadlineMsDefault === undefined
        ? server.deadlineMsDefault
        : lower(server.deadlineMsMax, own.deadlineMsDefault),
  });
}

function lower(limit: number, own: number | undefined): number {
  return own === undefined ? limit : Math.min(limit, own);
}
