/**
 * What a path of TensorFlow Serving names. The words of the path are read in any case.
 */
import { ServingError } from "../../../base/index.ts";
import type { TfsChoice } from "../../../service/index.ts";

/** The parts of a path behind `/v1/models/`. */
export interface TargetPath {
  readonly model: string;
  /** `versions` or `labels`, or `undefined` when the path names no version. */
  readonly kind?: string | undefined;
  readonly version?: string | undefined;
}

/** @throws NOT_FOUND another word than `versions`, `labels` */
export function choiceOf({ model, kind, version = "" }: TargetPath): TfsChoice {
  if (kind === undefined) return { model, kind, version };
  const word = kind.toLowerCase();
  if (word === "versions") return { model, kind: "version", version };
  if (word === "labels") return { model, kind: "label", version };
  throw noRoute();
}

export function noRoute(): ServingError {
  const forms = "/v1/models/M[/versions/N|/labels/L][:predict|:classify|:regress|/metadata]";
  return new ServingError("NOT_FOUND", `no such route, expected ${forms}`);
}
