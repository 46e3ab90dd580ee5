/**
 * Triton with our models, where the reader has it: started from a Python environment, no Docker.
 *
 * `MILLRACE_BENCH_TRITON` is the folder of a Python 3.11 environment with `nvidia-pytriton` and
 * `onnxruntime`. The wheel has the server and its Python backend only, so the model runs as
 * `bench/peers/triton/model.py` says. Rejected: a command of the reader's with a repository of his
 * own, because then nothing says that both sides serve the same model.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FixedRequest } from "../load/wrk.ts";
import { freePort } from "../machine/started-process.ts";
import { cacheFolder, root, type Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

const variable = "MILLRACE_BENCH_TRITON";
const python = "python3.11";

export interface TritonPlan {
  /** The file of a classifier with one FP32 input. */
  readonly model: string;
  /** The name it is served under. */
  readonly name: string;
  readonly input: string;
  /** Features of a row. */
  readonly width: number;
  /** Its first request. */
  readonly first: FixedRequest;
  /** Cores for all its processes; `undefined` leaves it to the kernel. */
  readonly cores?: string | undefined;
}

export interface RunningTriton {
  readonly server: RunningServer;
  readonly grpcPort: number;
}

/** Starts it, or skips it with the reason. At most one at a time. */
export async function startTriton(stage: Stage, plan: TritonPlan): Promise<RunningTriton[]> {
  const packages = packagesFolder();
  if (packages === undefined) {
    const wanted = `the folder of a ${python} environment with nvidia-pytriton and onnxruntime`;
    stage.skip("triton", `${variable} is not ${wanted}`);
    return [];
  }
  const folder = writeRepository(packages, plan);
  const grpcPort = await freePort();
  const own = "127.0.0.1";
  const server = await startServer(stage, {
    name: "triton",
    command: (port) => [
      join(serverFolder(packages), "bin", "tritonserver"),
      `--model-repository=${join(folder, "models")}`,
      `--backend-directory=${join(folder, "backends")}`,
      ...[`--http-address=${own}`, `--http-port=${port}`, "--http-thread-count=4"],
      ...[`--grpc-address=${own}`, `--grpc-port=${grpcPort}`],
      ...["--allow-metrics=false", "--log-info=false"],
    ],
    env: { PEER_PACKAGES: packages, LD_LIBRARY_PATH: join(packages, "nvidia_pytriton.libs") },
    cores: plan.cores,
    first: plan.first,
    everyMs: 50,
  });
  return [{ server, grpcPort }];
}

function packagesFolder(): string | undefined {
  const environment = process.env[variable] ?? "";
  const packages = resolve(environment, "lib", python, "site-packages");
  return environment !== "" && existsSync(serverFolder(packages)) ? packages : undefined;
}

function serverFolder(packages: string): string {
  return join(packages, "pytriton", "tritonserver");
}

/** The repository with its one model, and the backend beside the stub that it looks for there. */
function writeRepository(packages: string, plan: TritonPlan): string {
  const folder = join(cacheFolder, "triton");
  rmSync(folder, { recursive: true, force: true });
  const version = join(folder, "models", plan.name, "1");
  const backend = join(folder, "backends", "python");
  for (const each of [version, backend]) mkdirSync(each, { recursive: true });
  copyFileSync(plan.model, join(version, "model.onnx"));
  copyFileSync(join(root, "bench/peers/triton/model.py"), join(version, "model.py"));
  writeFileSync(join(version, "..", "config.pbtxt"), configOf(plan));
  const server = serverFolder(packages);
  const own = join(server, "backends", "python");
  for (const path of [
    join(own, "libtriton_python.so"),
    join(own, "triton_python_backend_utils.py"),
    join(server, "python_backend_stubs", "3.11", "triton_python_backend_stub"),
  ]) {
    symlinkSync(path, join(backend, path.slice(path.lastIndexOf("/") + 1)));
  }
  return folder;
}

/** Batches what has arrived and does not wait for more, as we do. */
function configOf({ input, width }: TritonPlan): string {
  return `backend: "python"
max_batch_size: 1024
input [ { name: "${input}" data_type: TYPE_FP32 dims: [ ${width} ] } ]
output [
  { name: "label" data_type: TYPE_INT64 dims: [ 1 ] reshape { shape: [ ] } },
  { name: "probabilities" data_type: TYPE_FP32 dims: [ 2 ] }
]
dynamic_batching { max_queue_delay_microseconds: 0 }
instance_group [ { count: 1 kind: KIND_CPU } ]
`;
}
