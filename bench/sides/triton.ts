/**
 * Triton, where the reader has set one up: its start command comes from the environment.
 *
 * `MILLRACE_BENCH_TRITON` is a command with `{port}` and, if wanted, `{cores}` in it (`0,1`); its
 * repository serves the four-feature model. `_PATH` and `_BODY` (a file) say what is posted. With
 * `{grpcPort}` in the command gRPC is measured too: `_ROWS_MODEL` and `_ROWS_INPUT` name a model of
 * 20 features and its input.
 */

import { jsonRequest } from "../inputs/fixed-requests.ts";
import { type GrpcRequest, grpcTensor } from "../inputs/grpc-requests.ts";
import { probeGrpc } from "../load/grpc-probe.ts";
import type { FixedRequest } from "../load/wrk.ts";
import { freePort } from "../machine/started-process.ts";
import type { Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

const variable = "MILLRACE_BENCH_TRITON";

/** Starts it, or skips it with the reason. */
export async function startTriton(
  stage: Stage,
  cores = "0,1",
): Promise<{ server: RunningServer; request: FixedRequest; grpcPort: number }[]> {
  const line = process.env[variable];
  if (line === undefined || line === "") {
    stage.skip("triton", `${variable} is not set (a command with {port} in it)`);
    return [];
  }
  const request = tritonRequest();
  const words = line.split(" ").filter((word) => word !== "");
  const grpcPort = String(await freePort());
  const server = await startServer(stage, {
    name: "triton",
    command: (port) =>
      words.map((word) =>
        word
          .replaceAll("{port}", String(port))
          .replaceAll("{grpcPort}", grpcPort)
          .replaceAll("{cores}", cores),
      ),
    cores,
    first: request,
  });
  return [{ server, request, grpcPort: Number(grpcPort) }];
}

/** Its gRPC port and the request for `shape` features, or nothing with the reason. */
export async function startTritonGrpc(
  stage: Stage,
  shape: readonly [rows: number, width: number],
): Promise<{ port: number; pid: number; request: GrpcRequest }[]> {
  const model = process.env[`${variable}_ROWS_MODEL`];
  const input = process.env[`${variable}_ROWS_INPUT`] ?? "float_input";
  if (model === undefined || process.env[variable]?.includes("{grpcPort}") !== true) {
    const wanted = `${variable} with {grpcPort} in it and ${variable}_ROWS_MODEL are wanted`;
    stage.skip("triton", wanted);
    return [];
  }
  const { seed } = stage.options;
  const request = grpcTensor({ model, input, shape, seed });
  const started = await startTriton(stage);
  for (const { grpcPort } of started) await probeGrpc(grpcPort, request);
  return started.map(({ server, grpcPort }) => ({ port: grpcPort, pid: server.pid, request }));
}

function tritonRequest(): FixedRequest {
  const path = process.env[`${variable}_PATH`] ?? "/v2/models/lr/infer";
  const bodyFile = process.env[`${variable}_BODY`];
  const values = [42.0, 18.0, 79.35, 1397.475];
  const input = { name: "x", shape: [1, 4], datatype: "FP32", data: values };
  const request = jsonRequest("triton", path, { inputs: [input] });
  return bodyFile === undefined ? request : { ...request, bodyFile };
}
