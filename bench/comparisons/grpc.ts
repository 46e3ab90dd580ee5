/**
 * gRPC: one row a call against a bare gRPC server that has no model, many rows and a large tensor
 * against REST, Triton and an echo.
 */
import { connect } from "node:net";
import { join } from "node:path";
import { oneRow, tensorRequest } from "../inputs/fixed-requests.ts";
import { type GrpcRequest, grpcRow, grpcTensor } from "../inputs/grpc-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import { hasH2load, runH2load } from "../load/h2load.ts";
import { treeUsage } from "../machine/process-tree.ts";
import { freePort } from "../machine/started-process.ts";
import type { Side } from "../sample.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
import { startTritonGrpc } from "../sides/triton.ts";
import { type Comparison, root, type Stage } from "../stage.ts";

const callsInFlight = 64;

export const grpc: Comparison = {
  name: "grpc",
  about:
    "4 features a call, 64 in flight on one connection, each server on core 0, h2load on core 1",
  claims: [
    {
      key: "grpc-rate-constant",
      title: "gRPC calls/s against a bare grpc-js constant",
      metric: "perSecond",
      of: "millrace",
      to: "constant",
      as: "ratio",
      goal: { atLeast: 1.5 },
    },
  ],
  async setUp(stage: Stage) {
    if (!hasH2load()) {
      for (const name of ["millrace", "constant"]) stage.skip(name, "h2load is not installed");
      return [];
    }
    const request = grpcRow();
    const port = await freePort();
    const flags = ["--grpc-port", String(port)];
    const models = [modelFiles.customer()];
    await startMillrace(stage, { first: oneRow(), models, cores: "0", flags });
    const constant = await startConstant(stage);
    for (const each of [port, constant]) await probeGrpc(each, request);
    return [side("millrace", port, request), side("constant", constant, request)];
  },
};

const connections = 4;
const rows = 1_000;
const width = 20;

export const grpcRows: Comparison = {
  name: "grpc-rows",
  about: "1,000 rows x 20 features raw by ModelInfer, linear, 4 connections, both cores",
  unit: "rows",
  claims: [
    {
      key: "grpc-rows-rest",
      title: "rows/s over gRPC against the same rows as a binary tensor over REST",
      metric: "perSecond",
      of: "millrace",
      to: "rest",
      as: "ratio",
    },
    {
      key: "grpc-rows-triton",
      title: "rows/s over gRPC against Triton's",
      metric: "perSecond",
      of: "millrace",
      to: "triton",
      as: "ratio",
      goal: { atLeast: 1 },
    },
  ],
  async setUp(stage: Stage) {
    if (!hasH2load()) {
      for (const name of ["millrace", "rest", "triton"])
        stage.skip(name, "h2load is not installed");
      return [];
    }
    const { seed } = stage.options;
    const shape = [rows, width] as const;
    const plan = { model: "linear", input: "float_input", shape, seed };
    const rest = tensorRequest(plan);
    const request = grpcTensor(plan);
    const port = await freePort();
    const flags = ["--grpc-port", String(port)];
    const models = [modelFiles.linear()];
    const millrace = await startMillrace(stage, { first: rest, models, flags });
    await probeGrpc(port, request);
    const triton = await startTritonGrpc(stage, shape);
    return [
      inferSide("millrace", { port, pid: millrace.pid, request, rows }),
      loadedSide(millrace, { request: rest, connections, rows, name: "rest" }),
      ...triton.map((each) => inferSide("triton", { ...each, rows })),
    ];
  },
};

export const grpcTensorEcho: Comparison = {
  name: "grpc-tensor",
  about: "1 MiB as a raw tensor there and back by ModelInfer, 4 connections, both cores",
  claims: [
    {
      key: "grpc-tensor-relay",
      title: "calls/s against an echo over HTTP/1.1 that relays through a child",
      metric: "perSecond",
      of: "millrace",
      to: "relay",
      as: "ratio",
      goal: { atLeast: 0.8 },
    },
  ],
  async setUp(stage: Stage) {
    if (!hasH2load()) {
      for (const name of ["millrace", "relay"]) stage.skip(name, "h2load is not installed");
      return [];
    }
    const { seed } = stage.options;
    const plan = { model: "tensor", input: "x", shape: [1, 2 ** 18], seed } as const;
    const rest = tensorRequest(plan);
    const request = grpcTensor(plan);
    const port = await freePort();
    const flags = ["--grpc-port", String(port)];
    const millrace = await startMillrace(stage, {
      first: rest,
      models: [modelFiles.tensor()],
      flags,
    });
    await probeGrpc(port, request);
    const relay = await startNodePeer(stage, "relay", { first: rest });
    return [
      inferSide("millrace", { port, pid: millrace.pid, request, rows: 1 }),
      loadedSide(millrace, { request: rest, connections, name: "rest" }),
      loadedSide(relay, { request: rest, connections }),
    ];
  },
};

function side(name: string, port: number, request: GrpcRequest): Side {
  return {
    name,
    async measure(seconds) {
      const whole = Math.max(1, Math.round(seconds));
      const load = { port, ...request, callsInFlight, seconds: whole, cores: "1" };
      const { perSecond, failed } = await runH2load(load);
      return { perSecond, errors: failed };
    },
  };
}

interface InferLoad {
  readonly port: number;
  /** The server's front process. */
  readonly pid: number;
  readonly request: GrpcRequest;
  /** Rows in one call; `perSecond` counts rows. */
  readonly rows: number;
}

/** A ModelInfer of large tensors. */
function inferSide(name: string, { port, pid, request, rows }: InferLoad): Side {
  return {
    name,
    async measure(seconds) {
      const whole = Math.max(1, Math.round(seconds));
      const before = treeUsage(pid);
      const load = { port, ...request, callsInFlight: 1, connections, seconds: whole };
      const { perSecond, failed, done } = await runH2load(load);
      const after = treeUsage(pid);
      const perCallUs = (cpuSeconds: number) => (cpuSeconds / done) * 1e6;
      const cost = {
        cpuUs: perCallUs(after.allSeconds - before.allSeconds),
        frontCpuUs: perCallUs(after.frontSeconds - before.frontSeconds),
      };
      return { perSecond: perSecond * rows, errors: failed, ...(done === 0 ? {} : cost) };
    },
  };
}

async function startConstant(stage: Stage): Promise<number> {
  const port = await freePort();
  await stage.start({
    name: "grpc-constant",
    command: [process.execPath, join(root, "bench/peers/node/grpc-constant.ts")],
    env: { PORT: String(port) },
    cores: "0",
  });
  while (!(await isOpen(port))) await new Promise((done) => setTimeout(done, 50));
  return port;
}

async function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const isUp = await promise;
  socket.destroy();
  return isUp;
}
