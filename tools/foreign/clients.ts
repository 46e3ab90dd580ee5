/**
 * The foreign clients by name, with the exact versions they are judged in.
 *
 * Each has an environment of its own, because some pin what others do not bear.
 */
import { join } from "node:path";
import { runGhz, runGrpcurl, runPerfAnalyzer } from "./command-line.ts";
import { runH2spec } from "./h2spec.ts";
import { run } from "./report.ts";
import { runTritonExamples } from "./triton-examples.ts";
import type { Visit } from "./visit.ts";
import { runWebClients } from "./web-clients.ts";

/** Runs a client's cases; whatever happens ends in the report. */
export type Client = (visit: Visit) => Promise<void>;

const grpcPackages = [
  ...["grpcio-health-checking==1.81.1", "grpcio-reflection==1.81.1", "numpy==2.4.6"],
  "tritonclient[grpc]==2.73.0",
];

/** In the order in which they run. */
export const clients: ReadonlyMap<string, Client> = new Map<string, Client>([
  [
    "mlflow",
    python("cases.py", "mlflow", [
      ...["mlflow-skinny==3.17.2", "pandas==3.1.1", "requests==2.34.2", "scipy==1.17.1"],
    ]),
  ],
  ["sagemaker", python("cases.py", "sagemaker", ["boto3==1.44.8"])],
  ["kserve", python("cases.py", "kserve", ["kserve==0.21.0"])],
  ["kserve-v2", python("cases.py", "kserve-v2", ["kserve==0.21.0"])],
  ["grpc", python("grpc_clients.py", "grpc", grpcPackages)],
  ["triton-examples", runTritonExamples],
  ["perf-analyzer", runPerfAnalyzer],
  ["grpcurl", runGrpcurl],
  ["ghz", runGhz],
  ["h2spec", runH2spec],
  ["web", runWebClients],
]);

/** A client whose script prints its own lines. */
function python(script: string, name: string, packages: readonly string[]): Client {
  return async ({ server, environments, report }) => {
    const command = await environments.python(name, packages);
    if (command === undefined) {
      report.fail(name, "its Python environment could not be made");
      return;
    }
    const path = join(import.meta.dirname, script);
    const given = script === "cases.py" ? [name, `http://${server.rest}`] : [];
    const ended = await run({ command, args: [path, ...given, server.grpc], isShown: true });
    report.ended(ended.code);
  };
}
