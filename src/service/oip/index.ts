/** The Open Inference Protocol without its bytes: what each door that speaks it does alike. */
export {
  modelConfig,
  modelMetadata,
  modelStatistics,
  oipExtensions,
} from "./describe.ts";
export {
  type FormedInference,
  formInference,
  type InferenceTerms,
  type Inferred,
  inferTensors,
  type ReadInference,
  type ShownOutput,
  shownOutput,
} from "./inference.ts";
export { filePrefix, type LoadParameters, loadSettings } from "./load-config.ts";
export {
  type IndexEntry,
  isReadyNow,
  notOffered,
  repositoryIndex,
  servedOf,
} from "./repository.ts";
