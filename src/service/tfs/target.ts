/**
 * Which version a caller in the words of TensorFlow Serving means.
 *
 * That server knows whole numbers and labels. A version that is no whole number shows its revision
 * (1, 2, 3 by registration), so version 1 means version 1, else the first one registered; a label
 * is an alias, never a version.
 */
import { quote, ServingError } from "../../base/index.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";

/** The models of the service as its registry lists them. */
type ModelOf = NonNullable<ReturnType<Service["registry"]["models"]["get"]>>;
/** A version in any state. */
type EntryOf = ReturnType<Service["registry"]["entry"]>;

/** What a caller named. */
export interface TfsChoice {
  readonly model: string;
  /** How `version` was given, or `undefined` when none was. */
  readonly kind: "version" | "label" | undefined;
  readonly version: string;
}

/** What that is here. */
export interface TfsTarget {
  readonly model: string;
  /** The registered version or alias, or `undefined` for the default. */
  readonly version: string | undefined;
}

/** @throws VERSION_NOT_FOUND a label that is none; an unknown model is told when it is looked up */
export function tfsTarget(service: Service, { model, kind, version }: TfsChoice): TfsTarget {
  if (kind === undefined) return { model, version: undefined };
  const known = service.registry.models.get(model);
  if (known === undefined) return { model, version };
  if (kind === "version") return { model, version: namedVersion(known, version) };
  if (version === "" || known.versions.has(version)) throw noLabel(model, version);
  return { model, version };
}

/** The version that answers for what a caller named. @throws what `find` of the service throws */
export function findTfs(service: Service, choice: TfsChoice): ServedVersion {
  const { model, version } = tfsTarget(service, choice);
  return service.find(model, version);
}

/** The whole number that stands for a version in this protocol, as text; below 2^53. */
export function numberOf(entry: Pick<EntryOf, "version" | "revision">): string {
  return isWhole(entry.version) ? entry.version : String(entry.revision);
}

/** Our models have one signature. @throws INVALID_INPUT another name than "", `serving_default` */
export function checkSignature(name: string | undefined, field = "signature_name"): void {
  if (name === undefined || name === "" || name === servingDefault) return;
  const message = `${field}: ${quote(name)} is unknown, expected ${servingDefault}`;
  throw new ServingError("INVALID_INPUT", message, { field });
}

/** The name of the one signature. */
export const servingDefault = "serving_default";

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
