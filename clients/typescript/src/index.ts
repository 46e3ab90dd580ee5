/**
 * What the package offers to any runtime with `fetch`: browsers, Node, Deno, Bun.
 */
export {
  createClient,
  type InferOptions,
  type MillraceClient,
  type StreamOptions,
} from "./client.ts";
export type { CallOptions, ClientOptions, RetryOptions } from "./client-options.ts";
export type { Clock, Random, Timer } from "./clock.ts";
export type { MillraceErrorCode } from "./error-codes.ts";
export { type ErrorFacts, MillraceError } from "./millrace-error.ts";
export * from "./models.ts";
export type { Answer, AnswerHead, Answers } from "./rest/answer.ts";
export type { BatchAnswer } from "./rest/batch.ts";
export type { Fetch } from "./rest/http-sender.ts";
export type { InferAnswer } from "./rest/infer.ts";
export type { Health, ModelMetadata, TensorDescription } from "./rest/metadata.ts";
export type { StreamAnswer, StreamFault, StreamItem, StreamProgress } from "./rest/stream.ts";
export * from "./row.ts";
export type { InferWishes } from "./tensor/oip-body.ts";
export type { Datatype, ElementsOf, Tensor, TensorInput, TensorOf } from "./tensor/tensor.ts";
export type { MakeWebSocket, WebSocketLike } from "./websocket/link.ts";
export type { ModelSocket, SocketCallOptions } from "./websocket/model-socket.ts";
export type { SocketOptions } from "./websocket/socket-options.ts";
export type { SocketInferOptions, TensorSocket } from "./websocket/tensor-socket.ts";
