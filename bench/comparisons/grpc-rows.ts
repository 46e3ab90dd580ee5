/**
 * gRPC against Triton: the same model, the same message, the same generator; one row a call, and a
 * thousand. The same rows as a binary tensor over REST stand beside both.
 */
import { tensorRequest } from "../inputs/fixed-requests.ts";
import { grpcTensor } from "../inputs/grpc-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import { hasH2load } from "../load/h2load.ts";
import { freePort } from "../machine/started-process.ts";
import type { Side } from "../sample.ts";
import { grpcSide } from "../sides/grpc-side.ts";
import { loadedSide } from "../sides/loaded-side.ts";
import { startMillrace } from "../sides/millrace.ts";
import { startTriton } from "../sides/triton.ts";
import type { Comparison, Stage } from "../stage.ts";
import type { Claim } from "../verdict/claim.ts";

interface RowsPlan {
  readonly model: "customer" | "linear" | "trees";
  /** Rows of one call, and their features. */
  readonly shape: readonly [rows: number, width: number];
  readonly load: { readonly connections: number; readonly callsInFlight?: number };
  /** True puts every process of a server on core 0 and the generator on core 1. */
  readonly isPinned?: boolean;
}

async function setUp(stage: Stage, { model, shape, load, isPinned }: RowsPlan): Promise<Side[]> {
  if (!hasH2load()) {
    for (const name of ["millrace", "triton"]) stage.skip(name, "h2load is not installed");
    return [];
  }
  const { seed } = stage.options;
  const [rows, width] = shape;
  const plan = { model, input: "float_input", shape, seed };
  const rest = tensorRequest(plan);
  const request = grpcTensor(plan);
  const port = await freePort();
  const path = modelFiles[model]();
  const cores = isPinned === true ? { cores: "0" } : {};
  const flags = ["--grpc-port", String(port)];
  const millrace = await startMillrace(stage, { first: rest, models: [path], flags, ...cores });
  await probeGrpc(port, request);
  const served = { name: model, input: plan.input, width, first: rest };
  const triton = await startTriton(stage, { ...served, model: path, ...cores });
  for (const { grpcPort } of triton) await probeGrpc(grpcPort, request);
  const grpc = { ...load, request, rows, ...(isPinned === true ? { cores: "1" } : {}) };
  const connections = load.connections * (load.callsInFlight ?? 1);
  const http = { connections, request: rest, rows };
  const generator = isPinned === true ? { generatorCores: "1" } : {};
  return [
    grpcSide("millrace", { ...grpc, port, pid: millrace.pid }),
    loadedSide(millrace, { ...http, ...generator, name: "rest" }),
    ...triton.flatMap(({ server, grpcPort }) => [
      grpcSide("triton", { ...grpc, port: grpcPort, pid: server.pid }),
      loadedSide(server, { ...http, ...generator, name: "triton-rest" }),
    ]),
  ];
}

const rate = { metric: "perSecond", as: "ratio" } as const;

function claimsOf(name: string, what: string, atLeast: number | undefined): readonly Claim[] {
  const goal = atLeast === undefined ? {} : { goal: { atLeast } };
  return [
    {
      ...{ ...rate, key: `${name}-triton`, of: "millrace", to: "triton" },
      title: `${what}/s over gRPC against Triton's`,
      ...goal,
    },
    {
      ...{ ...rate, key: `${name}-rest`, of: "millrace", to: "rest" },
      title: `${what}/s over gRPC against the same as a binary tensor over REST`,
    },
    {
      ...{ ...rate, key: `${name}-rest-triton`, of: "rest", to: "triton-rest" },
      title: `${what}/s as a binary tensor over REST against Triton's`,
    },
  ];
}

function thousandRows(name: string, model: "linear" | "trees"): Comparison {
  return {
    name,
    about: `1,000 rows x 20 features raw by ModelInfer, ${model}, 4 connections, both cores`,
    unit: "rows",
    claims: claimsOf(name, "rows", 1),
    setUp: (stage) => setUp(stage, { model, shape: [1_000, 20], load: { connections: 4 } }),
  };
}

export const grpcRows = thousandRows("grpc-rows", "linear");
export const grpcRowsTrees = thousandRows("grpc-rows-trees", "trees");

export const grpcInfer: Comparison = {
  name: "grpc-infer",
  about: "one row of 4 features raw by ModelInfer, 64 in flight, server on core 0, generator on 1",
  claims: claimsOf("grpc-infer", "calls", undefined),
  setUp: (stage) => {
    const load = { connections: 1, callsInFlight: 64 };
    return setUp(stage, { model: "customer", shape: [1, 4], load, isPinned: true });
  },
};
