/** What an ONNX file tells, and whether it may be served. */
export { hasLocale, type LocalePlaces, localePlaces } from "./check/locale.ts";
export type { OnnxFacts } from "./describe-onnx.ts";
export {
  describeOnnx,
  importOnnx,
  type OnnxDescription,
  type OnnxImport,
  type OnnxSource,
} from "./import-onnx.ts";
