/**
 * The bare gRPC server as people write it: `@grpc/grpc-js` with the service's descriptors, which
 * decodes the request and answers a constant. It has no model.
 */
import { join } from "node:path";
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const proto = join(import.meta.dirname, "../../../proto/prediction.proto");
const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true }));
const { service } = (loaded["prediction"] as GrpcObject)[
  "PredictionService"
] as ServiceClientConstructor;

const answer = { prediction: 1, probabilities: [0.25, 0.75], model_version: "1.0.0" };

const server = new Server();
server.addService(service, {
  Predict: (_call: unknown, done: sendUnaryData<object>) => done(null, answer),
});
const port = Number(process.env["PORT"]);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), () => {});
