/** Floor 1: what is known about a model before any engine sees it. */

export type { ColumnSpec, TextStep } from "./column-spec.ts";
export { checkHead, findInput, type TensorHead, type TensorPlace } from "./input/check-shape.ts";
export { emptyOutputs } from "./input/empty-outputs.ts";
export {
  type ElementPlace,
  type FieldNaming,
  protocolNaming,
  rowNaming,
} from "./input/field-naming.ts";
export {
  type FormedInputs,
  formInputs,
  formSingle,
  type GivenTensor,
} from "./input/form-inputs.ts";
export {
  type InputChecks,
  type InputLimits,
  type InputPlan,
  prepareInputChecks,
  type SingleInput,
} from "./input/input-checks.ts";
export { applyTextSteps } from "./input/text-steps.ts";
export { wantedOutputs } from "./input/wanted-outputs.ts";
export {
  describeOnnx,
  hasLocale,
  importOnnx,
  type LocalePlaces,
  localePlaces,
  type OnnxDescription,
  type OnnxFacts,
  type OnnxImport,
  type OnnxSource,
} from "./onnx/index.ts";
export {
  aliasesMax,
  aliasOfText,
  isAlias,
  latestAlias,
  type ModelAlias,
  stableAlias,
} from "./package/aliases/alias.ts";
export { type DiscoverOptions, discoverPackages } from "./package/discover.ts";
export { isModelName, isVersion, namePattern } from "./package/identity.ts";
export { manifestJsonSchema, manifestReference } from "./package/manifest/manifest-reference.ts";
export { instancesSchema } from "./package/manifest/manifest-schema.ts";
export {
  limitsOfPackage,
  type ModelPackage,
  type PackageLimits,
  type PackageSettings,
} from "./package/model-package.ts";
export type { Discovery, PackageLocation, RefusedPackage } from "./package/package-location.ts";
export { type ReadOptions, readPackage } from "./package/read-package.ts";
export { type RunSettings, runCeilings } from "./package/run-settings.ts";
export { readSamples, type Sample, type SampledPackage } from "./package/samples/read-samples.ts";
export { configBytesMax } from "./package/triton/read-config.ts";
export {
  type RunConfig,
  type RunConfigFault,
  readRunConfig,
  runConfigMembers,
} from "./package/triton/run-config.ts";
export { compareVersions } from "./package/version-order.ts";
export { issueText, yamlAliasesMax, yamlRules } from "./schema-words.ts";
export type {
  BatchLayout,
  InputSpec,
  Label,
  OutputRole,
  OutputSpec,
  Signature,
  TensorSpec,
} from "./signature.ts";
