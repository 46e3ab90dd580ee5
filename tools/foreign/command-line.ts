/**
 * The command-line clients of gRPC and of Triton: grpcurl, ghz and perf_analyzer.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Ended, run } from "./report.ts";
import type { Visit } from "./visit.ts";

const infer = JSON.stringify({
  model_name: "churn",
  inputs: [
    {
      ...{ name: "features", datatype: "FP32", shape: [1, 4] },
      contents: { fp32_contents: [45, 12, 79.5, 954] },
    },
  ],
});

/** Lists, describes and calls what reflection tells. */
export async function runGrpcurl({ server, environments, report }: Visit): Promise<void> {
  const module = "github.com/fullstorydev/grpcurl";
  const tool = { name: "grpcurl", module, version: "v1.9.4", command: `${module}/cmd/grpcurl` };
  const command = await environments.go(tool);
  if (command === undefined) {
    report.fail("grpcurl", "it could not be built: Go and its module proxy are needed");
    return;
  }
  const call = (...args: string[]): Promise<Ended> =>
    run({ command, args: ["-plaintext", ...args], timeoutMs: 30_000 });
  const says = (words: string) => (ended: Ended) =>
    ended.code === 0 && ended.output.includes(words);
  const { grpc } = server;
  const service = "inference.GRPCInferenceService";
  report.judge("grpcurl list", await call(grpc, "list"), says(service));
  for (const name of [service, "prediction.PredictionService", "SentimentService"]) {
    report.judge(`grpcurl describe ${name}`, await call(grpc, "describe", name), says("rpc "));
  }
  const named = ["-d", JSON.stringify({ name: "churn" }), grpc];
  report.judge(
    "grpcurl ModelMetadata",
    await call(...named, `${service}/ModelMetadata`),
    says('"probabilities"'),
  );
  report.judge(
    "grpcurl ModelInfer",
    await call("-d", infer, grpc, `${service}/ModelInfer`),
    says('"rawOutputContents"'),
  );
  report.judge(
    "grpcurl Predict with metadata",
    await call(
      ...["-H", "x-model: churn", "-d", '{"features": [45, 12, 79.5, 954]}'],
      ...[grpc, "prediction.PredictionService/Predict"],
    ),
    says('"prediction": 1'),
  );
  report.judge(
    "grpcurl unknown model",
    await call("-d", '{"name": "nobody"}', grpc, `${service}/ModelMetadata`),
    ({ code, output }) => code !== 0 && output.includes("NotFound"),
  );
}

/** Loads three methods; every call must be OK. */
export async function runGhz({ server, environments, report }: Visit): Promise<void> {
  const module = "github.com/bojand/ghz";
  const tool = { name: "ghz", module, version: "v0.93.0", command: `${module}/cmd/ghz` };
  const command = await environments.go(tool);
  if (command === undefined) {
    report.fail("ghz", "it could not be built: Go and its module proxy are needed");
    return;
  }
  const row = '{"features": [45, 12, 79.5, 954]}';
  const loads: [string, string[]][] = [
    ["inference.GRPCInferenceService/ModelInfer", ["-d", infer]],
    ["prediction.PredictionService/Predict", ["-d", row, "-m", '{"x-model": "churn"}']],
    ["grpc.health.v1.Health/Check", ["-d", "{}"]],
  ];
  for (const [method, given] of loads) {
    const amount = ["--insecure", "-n", "1000", "-c", "32", "--connections", "4"];
    const args = [...amount, "--call", method, ...given, server.grpc];
    const ended = await run({ command, args, timeoutMs: 60_000 });
    report.judge(`ghz ${method}`, ended, ({ code, output }) => {
      const counted = output.split("\n").filter((line) => line.trim().startsWith("["));
      const isAllOk = counted.at(-1)?.includes("[OK]") === true;
      return code === 0 && isAllOk && output.includes("1000 responses");
    });
  }
}

/** Windows of 100 requests: whether calls work, not how fast. */
const windows = [
  ...["--measurement-mode", "count_windows", "--measurement-request-count", "100"],
  ...["-p", "500", "-r", "10", "-s", "99"],
];
const binary = ["--input-tensor-format=binary", "--output-tensor-format=binary"];
const json = ["--input-tensor-format=json", "--output-tensor-format=json"];

const measurements: readonly (readonly [name: string, door: "http" | "grpc", words: string[]])[] = [
  ["HTTP, JSON", "http", ["-m", "simple", ...json]],
  ["HTTP, binary, batch of 4", "http", ["-m", "simple", ...binary, "-b", "4"]],
  ["HTTP, 8 at a time", "http", ["-m", "simple", "-a", "--concurrency-range", "8"]],
  ["HTTP, texts", "http", ["-m", "simple_identity", "--input-data", "random"]],
  ["HTTP, named columns", "http", ["-m", "churn", "--input-data", "zero"]],
  ["HTTP, demo model of version 1", "http", ["-m", "churn-whole", "--input-data", "zero"]],
  ["gRPC", "grpc", ["-m", "simple"]],
  [
    "gRPC, batch of 4, 8 at a time",
    "grpc",
    ["-m", "simple", "-b", "4", "-a", "--concurrency-range", "8"],
  ],
  ["gRPC, streaming", "grpc", ["-m", "simple", "--streaming", "-a", "--concurrency-range", "8"]],
  ["gRPC, gzip", "grpc", ["-m", "simple", "--grpc-compression-algorithm", "gzip"]],
  ["gRPC, texts", "grpc", ["-m", "simple_identity", "--input-data", "random"]],
  ["gRPC, named columns", "grpc", ["-m", "churn", "--input-data", "zero"]],
  ["gRPC, demo model of version 1", "grpc", ["-m", "churn-whole", "--input-data", "zero"]],
];

/** The last client wheels that carry the binary; it wants a CUDA runtime library, and no GPU. */
export async function runPerfAnalyzer({ server, environments, report }: Visit): Promise<void> {
  const packages = ["tritonclient[http]==2.41.0", "nvidia-cuda-runtime-cu12==12.9.79"];
  const python = await environments.python("perf-analyzer", packages);
  if (python === undefined) {
    report.fail("perf_analyzer", "its Python environment could not be made");
    return;
  }
  const home = join(python, "../..");
  const version = readdirSync(join(home, "lib")).find((name) => name.startsWith("python")) ?? "";
  const cuda = join(home, "lib", version, "site-packages/nvidia/cuda_runtime/lib");
  for (const [name, door, words] of measurements) {
    const ended = await run({
      command: join(home, "bin/perf_analyzer"),
      args: ["-i", door, "-u", door === "http" ? server.rest : server.grpc, ...windows, ...words],
      env: { LD_LIBRARY_PATH: cuda },
      timeoutMs: 120_000,
    });
    if (ended.output.includes("libb64")) {
      report.skip("perf_analyzer", "libb64.so.0d is missing (Debian: libb64-0d)");
      return;
    }
    if (
      ended.output.includes("missing statistics for requested model") &&
      words.includes("churn")
    ) {
      report.differs(`perf_analyzer ${name}`, "it reads versions as whole numbers; this is 1.0.0");
      continue;
    }
    const isMeasured = ({ code, output }: Ended) => code === 0 && output.includes("Throughput: ");
    report.judge(`perf_analyzer ${name}`, ended, isMeasured);
  }
}
