/**
 * Triton, where the reader has set one up: its start command comes from the environment.
 *
 * `MILLRACE_BENCH_TRITON` is a command with `{port}` and, if wanted, `{cores}` in it (`0,1`); its
 * repository serves the four-feature model. `_PATH` and `_BODY` (a file) say what is posted.
 */

import { jsonRequest } from "../inputs/fixed-requests.ts";
import type { FixedRequest } from "../load/wrk.ts";
import type { Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

const variable = "MILLRACE_BENCH_TRITON";

/** Starts it, or skips it with the reason. */
export async function startTriton(
  stage: Stage,
  cores = "0,1",
): Promise<{ server: RunningServer; request: FixedRequest }[]> {
  const line = process.env[variable];
  if (line === undefined || line === "") {
    stage.skip("triton", `${variable} is not set (a command with {port} in it)`);
    return [];
  }
  const request = tritonRequest();
  const server = await startServer(stage, {
    name: "triton",
    command: (port) =>
      line
        .split(" ")
        .filter((word) => word !== "")
        .map((word) => word.replaceAll("{port}", String(port)).replaceAll("{cores}", cores)),
    cores,
    first: request,
  });
  return [{ server, request }];
}

function tritonRequest(): FixedRequest {
  const path = process.env[`${variable}_PATH`] ?? "/v2/models/lr/infer";
  const bodyFile = process.env[`${variable}_BODY`];
  const values = [42.0, 18.0, 79.35, 1397.475];
  const input = { name: "x", shape: [1, 4], datatype: "FP32", data: values };
  const request = jsonRequest("triton", path, { inputs: [input] });
  return bodyFile === undefined ? request : { ...request, bodyFile };
}
