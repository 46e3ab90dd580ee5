/**
 * Which version a path of TensorFlow Serving means.
 *
 * That server knows whole numbers and labels. A version that is no whole number shows its revision
 * (1, 2, 3 by registration), so `/versions/1` means version 1, else the first one registered; a
 * label is an alias, never a version. The words of the path are read in any case.
 */
import { quote, ServingError } from "../../../base/index.ts";
import type { ServedVersion, Service } from "../../../service/index.ts";

/** The models of the service as its registry lists them. */
type ModelOf = NonNullable<ReturnType<Service["registry"]["models"]["get"]>>;
/** A version in any state. */
export type EntryOf = ReturnType<Service["registry"]["entry"]>;

/** What a path names. */
export interface Target {
  readonly model: string;
  /** The registered version or alias, or `undefined` for the default. */
  readonly version: string | undefined;
}

/** The parts of a path behind `/v1/models/`. */
export interface TargetPath {
  readonly model: string;
  /** `versions` or `labels`, or `undefined` when the path names no version. */
  readonly kind?: string | undefined;
  readonly version?: string | undefined;
}

/** @throws VERSION_NOT_FOUND, NOT_FOUND (another word than `versions`, `labels`) */
export function targetOf(service: Service, { model, kind, version = "" }: TargetPath): Target {
  if (kind === undefined) return { model, version: undefined };
  const word = kind.toLowerCase();
  if (word !== "versions" && word !== "labels") throw noRoute();
  // Only a known model has versions; an unknown one is told when it is looked up.
  const known = service.registry.models.get(model);
  if (known === undefined) return { model, version };
  if (word === "versions") return { model, version: namedVersion(known, version) };
  if (version === "" || known.versions.has(version)) throw noLabel(model, version);
  return { model, version };
}

/** The version that answers for `target`. */
export function findTarget(service: Service, target: Target): ServedVersion {
  return service.find(target.model, target.version);
}

/** The whole number that stands for a version in this protocol, as text. */
export function numberOf(entry: Pick<EntryOf, "version" | "revision">): string {
  return isWhole(entry.version) ? entry.version : String(entry.revision);
}

export function noRoute(): ServingError {
  const forms = "/v1/models/M[/versions/N|/labels/L][:predict|:classify|:regress|/metadata]";
  return new ServingError("NOT_FOUND", `no such route, expected ${forms}`);
}

function namedVersion(model: ModelOf, version: string): string {
  if (model.versions.has(version) || !isWhole(version)) return version;
  for (const entry of model.versions.values()) {
    if (!isWhole(entry.version) && String(entry.revision) === version) return entry.version;
  }
  return version;
}

function noLabel(model: string, label: string): ServingError {
  const message = `model '${model}' has no label ${quote(label)}: labels are its aliases (latest)`;
  return new ServingError("VERSION_NOT_FOUND", message);
}

const digitsMax = 19;

function isWhole(text: string): boolean {
  if (text.length === 0 || text.length > digitsMax) return false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
