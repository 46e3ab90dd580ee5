/** The Open Inference Protocol's requests and replies as bytes. */
export { type OipTensor, withBinaryPart } from "./binary-part.ts";
export type {
  OipInput,
  OipLimits,
  OipOutput,
  OipParameter,
  OipParameters,
  OipRequest,
} from "./oip-request.ts";
export { sharedMemoryText } from "./parameters.ts";
export { readOipRequest } from "./read-request.ts";
export {
  type OipReply,
  type OipReplyOutput,
  type OipReplyText,
  writeOipReply,
} from "./write-reply.ts";
