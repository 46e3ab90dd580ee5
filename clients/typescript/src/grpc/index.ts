/**
 * gRPC, for Node alone: `@millrace/client/grpc`.
 */
export {
  createGrpcClient,
  type GrpcClient,
  type GrpcInferOptions,
  type GrpcOptions,
  type GrpcTls,
} from "./grpc-client.ts";
