/** The Open Inference Protocol's requests and replies as bytes. */
export { type OipTensor, withBinaryPart } from "./binary-part.ts";
export { checkId, countOf, dtypeOf } from "./checks.ts";
export { refuseSharedMemory, sharedMemoryText } from "./memory-regions.ts";
export type {
  OipInput,
  OipLimits,
  OipOutput,
  OipParameter,
  OipParameters,
  OipRequest,
} from "./oip-request.ts";
export {
  nothingReserved,
  parametersMax,
  type Reserved,
  takeReserved,
  wholeParameter,
} from "./parameters.ts";
export { readOipRequest } from "./read-request.ts";
export {
  type OipReply,
  type OipReplyOutput,
  type OipReplyText,
  writeOipReply,
} from "./write-reply.ts";
