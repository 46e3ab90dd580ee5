/** Floor 3: models, versions and their states. */
export {
  type DefaultVersion,
  type ModelEntry,
  type RegisterOptions,
  Registry,
  type VersionEntry,
} from "./registry.ts";
export { assertStep, mayStep, type VersionState } from "./version-state.ts";
