/** Floor 1: dtypes, tensors and how their elements are written. */
export { type BinaryHead, readBinary } from "./binary/read-binary.ts";
export { writeBinary } from "./binary/write-binary.ts";
export { ByteStrings } from "./byte-strings.ts";
export {
  type Dtype,
  type DtypeRow,
  dtypeOfCode,
  dtypeTable,
  isDtype,
  type NumericDtype,
} from "./dtype.ts";
export { bfloat16ToNumber, float16ToNumber } from "./float16.ts";
export { concatItems, sliceItems } from "./join-tensors.ts";
export { elementJsonText, elementsJsonText, rowsJsonText } from "./json/element-text.ts";
export { float32Text } from "./json/float32-text.ts";
export { type ElementRange, JsonWriter } from "./json/json-writer.ts";
export { type NestedForm, nestedJsonText } from "./json/nested-text.ts";
export { NumberSink, type NumberSinkOptions } from "./json/number-sink.ts";
export { JsonReader } from "./json/reader.ts";
export type { JsonKind, JsonMark } from "./json/syntax.ts";
export { type NumericArray, newNumericArray, viewNumeric } from "./numeric-array.ts";
export {
  createOffload,
  type Offload,
  type OffloadJob,
  type OffloadLimits,
} from "./offload/offload.ts";
export { type OffloadTasks, serveOffload } from "./offload/serve-offload.ts";
export {
  checkId,
  countOf,
  dtypeOf,
  nothingReserved,
  type OipInput,
  type OipLimits,
  type OipOutput,
  type OipParameter,
  type OipParameters,
  type OipReply,
  type OipReplyOutput,
  type OipReplyText,
  type OipRequest,
  type OipTensor,
  parametersMax,
  type Reserved,
  readOipRequest,
  refuseSharedMemory,
  sharedMemoryText,
  takeReserved,
  wholeParameter,
  withBinaryPart,
  writeOipReply,
} from "./oip/index.ts";
export { ownBytes, ownTensor } from "./own-tensor.ts";
export {
  type BytesTensor,
  elementCount,
  makeTensor,
  type NumericTensor,
  type Tensor,
  tensorBytes,
} from "./tensor.ts";
