/**
 * gRPC: one row a call against a bare gRPC server that has no model, a large tensor against REST
 * and an echo.
 */
import { connect } from "node:net";
import { join } from "node:path";
import { oneRow, tensorRequest } from "../inputs/fixed-requests.ts";
import { grpcRow, grpcTensor } from "../inputs/grpc-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import { hasH2load } from "../load/h2load.ts";
import { freePort } from "../machine/started-process.ts";
import { grpcSide } from "../sides/grpc-side.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startNodePeer } from "../sides/node-peers.ts";
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
    const load = { request, callsInFlight, cores: "1" };
    return [
      grpcSide("millrace", { ...load, port }),
      grpcSide("constant", { ...load, port: constant }),
    ];
  },
};

const connections = 4;

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
      grpcSide("millrace", { port, pid: millrace.pid, request, connections }),
      loadedSide(millrace, { request: rest, connections, name: "rest" }),
      loadedSide(relay, { request: rest, connections }),
    ];
  },
};

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
