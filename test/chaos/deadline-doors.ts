/**
 * A prediction with a deadline through each door: what came of it, as the code of the error table.
 */
import { connect as connectHttp2 } from "node:http2";
import { WebSocket } from "ws";
import type { BuiltServer } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";
import { ask, openSession, posting } from "../support/http2-client.ts";
import { column } from "./chaos-rig.ts";

/** What one prediction was answered. */
export interface DeadlineEnd {
  /** HTTP status or gRPC status number; 200 for what a stream or a socket says inside. */
  readonly status: number;
  /** `OK` or the code. */
  readonly code: string;
}

/**
 * Asks for one prediction.
 * @param timeoutMs the text of `x-request-timeout-ms`
 * @param steps what the model takes, about 1 us each
 */
export type AskInTime = (
  server: BuiltServer,
  timeoutMs: string,
  steps: number,
) => Promise<DeadlineEnd>;

/** A door, and its status of a deadline that has passed. */
export interface DeadlineDoor {
  readonly ask: AskInTime;
  readonly lateStatus: number;
}

/** What is said inside an answer of 200: by a line, an event, a message or an item. */
function codeInside(text: string): string {
  return /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? "OK";
}

function overHttp(path: string, bodyOf: (steps: number) => unknown, type = "json"): AskInTime {
  return async (server, timeoutMs, steps) => {
    const body = bodyOf(steps);
    const reply = await fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": `application/${type}`, "x-request-timeout-ms": timeoutMs },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await reply.text();
    return {
      status: reply.status,
      code: reply.headers.get("x-error-code") ?? codeInside(text),
    };
  };
}

function overHttp2(path: string, bodyOf: (steps: number) => unknown): AskInTime {
  return async (server, timeoutMs, steps) => {
    const session = openSession(server.url);
    const head = posting(path, { "x-request-timeout-ms": timeoutMs });
    const body = JSON.stringify(bodyOf(steps));
    const { status, headers, text } = await ask(session, head, (stream) => void stream.end(body));
    session.destroy();
    const named = headers["x-error-code"];
    return { status, code: named === undefined ? codeInside(text) : String(named) };
  };
}

function overSocket(path: string, messageOf: (steps: number) => unknown): AskInTime {
  return async (server, timeoutMs, steps) => {
    const headers = { "x-request-timeout-ms": timeoutMs };
    const socket = new WebSocket(server.url.replace("http", "ws") + path, { headers });
    const end = Promise.withResolvers<DeadlineEnd>();
    socket.on("unexpected-response", (_, reply) => {
      end.resolve({
        status: reply.statusCode ?? 0,
        code: String(reply.headers["x-error-code"] ?? ""),
      });
    });
    socket.on("error", () => {});
    socket.on("open", () => socket.send(JSON.stringify(messageOf(steps))));
    socket.on("message", (text) => end.resolve({ status: 200, code: codeInside(String(text)) }));
    const ended = await end.promise;
    socket.terminate();
    return ended;
  };
}

function overGrpc(path: string, requestOf: (steps: number) => Plain): AskInTime {
  return async (server, timeoutMs, steps) => {
    const client = new GrpcClient(server.grpc);
    const metadata = { "x-request-timeout-ms": timeoutMs };
    const end = await client.call(path, requestOf(steps), { metadata });
    client.close();
    const code = end.code === 0 ? "OK" : String(end.trailers["x-error-code"]);
    return { status: end.code, code };
  };
}

async function overGrpcStream(
  server: BuiltServer,
  timeoutMs: string,
  steps: number,
): Promise<DeadlineEnd> {
  const client = new GrpcClient(server.grpc);
  const metadata = { "x-request-timeout-ms": timeoutMs, triton_grpc_error: "true" };
  const path = "inference.GRPCInferenceService/ModelStreamInfer";
  const stream = client.open(path, { metadata });
  const ended = new Promise<DeadlineEnd>((done) => {
    stream.on("data", () => {});
    stream.on("status", (status) => {
      const named = status.metadata.get("x-error-code")[0];
      done({ status: status.code, code: status.code === 0 ? "OK" : String(named) });
    });
  });
  stream.write(oipRequest(steps));
  stream.end();
  const end = await ended;
  client.close();
  return end;
}

/** The request of the Open Inference Protocol, also for `grpcTimeout`. */
export function oipRequest(steps: number): Plain {
  const contents = { fp32_contents: [steps] };
  return {
    model_name: "slow",
    inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], contents }],
  };
}

/** A ModelInfer call with `grpc-timeout` as it stands, which no gRPC library would send. */
export async function grpcTimeout(server: BuiltServer, timeout: string): Promise<number> {
  const session = connectHttp2(`http://${server.grpc}`);
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": "/inference.GRPCInferenceService/ModelInfer",
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": timeout,
  });
  const status = new Promise<number>((done) => {
    const take = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined) done(Number(headers["grpc-status"]));
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", () => done(-1));
  });
  stream.on("data", () => {});
  stream.end(inferFrame());
  const end = await status;
  session.destroy();
  return end;
}

/** A protobuf field of bytes. REQUIRES: less than 128 of them. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** ModelInfer of model `slow` with `x` FP32 [1, 1] of one step, behind its prefix. */
function inferFrame(): Buffer {
  const one = Buffer.from([0, 0, 0x80, 0x3f]);
  const shape = field(3, Buffer.from([1, 1]));
  const input = [field(1, "x"), field(2, "FP32"), shape, field(5, field(6, one))];
  const message = Buffer.concat([field(1, "slow"), field(5, Buffer.concat(input))]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

const tensors = (steps: number) => ({ inputs: [column([steps])] });
const instances = (steps: number) => ({ instances: [[steps]] });
const http = 504;
const grpc = 4;
const inside = 200;

/** Each by its name. */
export const deadlineDoors: Readonly<Record<string, DeadlineDoor>> = {
  "OIP REST": { ask: overHttp("/v2/models/slow/infer", tensors), lateStatus: http },
  "OIP events": { ask: overHttp("/v2/models/slow/infer_stream", tensors), lateStatus: inside },
  simple: { ask: overHttp("/predict", (steps) => ({ features: [steps] })), lateStatus: http },
  "simple, HTTP/2": {
    ask: overHttp2("/predict", (steps) => ({ features: [steps] })),
    lateStatus: http,
  },
  "lines, HTTP/2": { ask: overHttp2("/predict/stream", instances), lateStatus: inside },
  "simple, batch": { ask: overHttp("/batch_predict", instances), lateStatus: inside },
  lines: { ask: overHttp("/predict/stream", instances), lateStatus: inside },
  "TF Serving REST": {
    ask: overHttp("/v1/models/slow:predict", instances),
    lateStatus: http,
  },
  "SageMaker lines": {
    ask: overHttp("/invocations", (steps) => `[${steps}]\n`, "jsonlines"),
    lateStatus: http,
  },
  MLflow: { ask: overHttp("/invocations", instances), lateStatus: http },
  TorchServe: { ask: overHttp("/predictions/slow", (steps) => [steps]), lateStatus: http },
  WebSocket: {
    ask: overSocket("/predict/ws", (steps) => ({ id: 1, features: [steps] })),
    lateStatus: inside,
  },
  "WebSocket of tensors": {
    ask: overSocket("/v2/models/slow/ws", (steps) => ({ id: "1", ...tensors(steps) })),
    lateStatus: inside,
  },
  "OIP gRPC": {
    ask: overGrpc("inference.GRPCInferenceService/ModelInfer", oipRequest),
    lateStatus: grpc,
  },
  "OIP gRPC stream": { ask: overGrpcStream, lateStatus: grpc },
  "TF Serving gRPC": {
    ask: overGrpc("tensorflow.serving.PredictionService/Predict", (steps) => ({
      model_spec: { name: "slow" },
      inputs: {
        x: {
          dtype: "DT_FLOAT",
          tensor_shape: { dim: [{ size: 1 }, { size: 1 }] },
          float_val: [steps],
        },
      },
    })),
    lateStatus: grpc,
  },
  "prediction service": {
    ask: overGrpc("prediction.PredictionService/Predict", (steps) => ({ features: [steps] })),
    lateStatus: grpc,
  },
};
