/** Floor 5: the protocol-neutral use cases. */
export { isModelReady, isVersionReady, type ServerHealth } from "./health.ts";
export { type LoaderOptions, loadVersion, type Trial } from "./load-version.ts";
export type { ServedVersion } from "./served-version.ts";
export { type ServerPhase, Service, type ServiceOptions } from "./service.ts";
export { createTrial, type TrialOptions } from "./trial.ts";
