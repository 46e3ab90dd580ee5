/** The workers of the primary, for the other fronts. */
export type { InstanceState, LinkedInstance } from "./linked-instance.ts";
export { LinkedWorkers, type LinkedWorkersOptions, type WorkerEnd } from "./linked-workers.ts";
