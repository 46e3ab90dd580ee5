/**
 * gRPC, for Node alone: `@millrace/client/grpc`.
 */
export {
  createGrpcClient,
  type GrpcClient,
  type GrpcInferOptions,
  type GrpcOptions,
} from "./grpc-client.ts";
