/**
 * The bare gRPC server as people write it: `@grpc/grpc-js` with the service's descriptors, which
 * decodes the request and answers a constant. It has no model.
 */
import { join, resolve } from "node:path";
import {
  type GrpcObject,
  loadPackageDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const protos = resolve(import.meta.dirname, "../../../proto");
const loaded = loadPackageDefinition(
  loadSync(join(protos, "inference/grpc_service.proto"), { includeDirs: [protos], keepCase: true }),
);
const { service } = (loaded["inference"] as GrpcObject)[
  "GRPCInferenceService"
] as ServiceClientConstructor;

const scores = Buffer.alloc(8);
scores.writeFloatLE(0.25, 0);
scores.writeFloatLE(0.75, 4);
const answer = {
  model_name: "customer",
  model_version: "1.0.0",
  outputs: [
    { name: "label", datatype: "INT64", shape: [1] },
    { name: "probabilities", datatype: "FP32", shape: [1, 2] },
  ],
  raw_output_contents: [Buffer.alloc(8, 1), scores],
};

const server = new Server();
server.addService(service, {
  ModelInfer: (_call: unknown, done: sendUnaryData<object>) => done(null, answer),
});
const port = Number(process.env["PORT"]);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), () => {});
