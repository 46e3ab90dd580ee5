/**
 * What an alias is: a name by which one version of a model is asked for, and which may be moved.
 *
 * `latest` is not given to anybody: it is the highest version that answers. `stable` is the one
 * that requests without a version get, where somebody has given it.
 */
import { isModelName, isVersion } from "../identity.ts";

export interface ModelAlias {
  readonly model: string;
  readonly alias: string;
  readonly version: string;
}

/** Aliases of one model at most. */
export const aliasesMax = 100;

/** The alias whose version answers when a request names none. */
export const stableAlias = "stable";

/** The name of the highest version that answers; nobody can give it away. */
export const latestAlias = "latest";

/** The forms of an alias, for messages. */
export const aliasWords = `a name such as ${stableAlias}, neither a version nor '${latestAlias}'`;

/** True for a name that can be given to a version. */
export function isAlias(text: string): boolean {
  return isModelName(text) && !isVersion(text) && text !== latestAlias;
}

/** `churn/stable=1.2.0` as its parts, or `undefined` when the text is not of that form. */
export function aliasOfText(text: string): ModelAlias | undefined {
  const slash = text.indexOf("/");
  const equals = text.indexOf("=", slash + 1);
  if (slash === -1 || equals === -1) return undefined;
  const model = text.slice(0, slash);
  const alias = text.slice(slash + 1, equals);
  const version = text.slice(equals + 1);
  const isSound = isModelName(model) && isAlias(alias) && isVersion(version);
  return isSound ? { model, alias, version } : undefined;
}
