/**
 * The server that foreign clients are run against: the demo models, and models of the names and
 * tensors that Triton's example programs expect.
 *
 * Ports 8000 and 8001 where they are free, because some programs know no others.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort, type StartedServer, startServer } from "../demo/started-server.ts";
import { tensorValue, writeModel } from "../onnx/builder.ts";
import type { ElementType, ModelSource } from "../onnx/model-source.ts";

export const root = resolve(import.meta.dirname, "../..");

export interface ForeignServer {
  readonly server: StartedServer;
  /** `host:port` of REST and of gRPC. */
  readonly rest: string;
  readonly grpc: string;
}

/** Starts the built server; `folder` is where the models are written. */
export async function startForeign(folder: string): Promise<ForeignServer> {
  writeModels(folder, models);
  copyAsWhole(folder, "churn");
  const grpcPort = await freePort(8_001);
  const name = ["--set", "oip.serverName=triton", "--set", "server.modelControl=true"];
  const words = [folder, "--grpc-port", String(grpcPort), ...name];
  const server = await startServer(join(root, "models"), words);
  return { server, rest: server.url.slice("http://".length), grpc: `127.0.0.1:${grpcPort}` };
}

/**
 * Starts another one that holds seven models and nothing else, as the program expects that loads
 * and unloads one of them. `simple` takes 8 rows until it says 16.
 */
export async function startOfSeven(folder: string): Promise<StartedServer> {
  // A folder that was kept may hold others.
  rmSync(folder, { recursive: true, force: true });
  writeModels(folder, { ...models, simple_int64: ofTwo("INT64"), simple_fp32: ofTwo("FP32") });
  const config = 'name: "simple"\nbackend: "onnxruntime"\nmax_batch_size: 8\n';
  writeFileSync(join(folder, "simple", "config.pbtxt"), config);
  return await startServer(folder, ["--set", "server.modelControl=true"]);
}

function writeModels(folder: string, sources: Readonly<Record<string, ModelSource>>): void {
  for (const [name, source] of Object.entries(sources)) {
    const home = join(folder, name, "1");
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "model.onnx"), writeModel(source));
  }
}

/** A demo model again, as version 1 of `NAME-whole`: perf_analyzer knows whole numbers only. */
function copyAsWhole(folder: string, name: string): void {
  const home = join(folder, `${name}-whole`, "1");
  cpSync(join(root, "models", name, "1.0.0"), home, { recursive: true });
  const manifest = join(home, "model.yaml");
  const lines = readFileSync(manifest, "utf8").split("\n");
  const own = lines.map((line) => {
    if (line.startsWith("name:")) return `name: ${name}-whole`;
    return line.startsWith("version:") ? "version: 1" : line;
  });
  writeFileSync(manifest, own.join("\n"));
}

const rowOf16 = (name: string, type: ElementType) => tensorValue(name, type, ["batch", 16]);
const int32 = 6;
const text = 8;

function identityOf(type: ElementType): ModelSource {
  return {
    nodes: [{ op: "Identity", inputs: ["INPUT0"], outputs: ["OUTPUT0"] }],
    inputs: [rowOf16("INPUT0", type)],
    outputs: [rowOf16("OUTPUT0", type)],
  };
}

/** Sum and difference of two rows. */
function ofTwo(type: ElementType): ModelSource {
  return {
    nodes: [
      { op: "Add", inputs: ["INPUT0", "INPUT1"], outputs: ["OUTPUT0"] },
      { op: "Sub", inputs: ["INPUT0", "INPUT1"], outputs: ["OUTPUT1"] },
    ],
    inputs: [rowOf16("INPUT0", type), rowOf16("INPUT1", type)],
    outputs: [rowOf16("OUTPUT0", type), rowOf16("OUTPUT1", type)],
  };
}

const cast = (from: string, to: string, type: number) => ({
  op: "Cast",
  inputs: [from],
  outputs: [to],
  attributes: { to: { int: type } },
});

/** The same of numbers that are written as text. */
const simpleString: ModelSource = {
  nodes: [
    cast("INPUT0", "a", int32),
    cast("INPUT1", "b", int32),
    { op: "Add", inputs: ["a", "b"], outputs: ["sum"] },
    { op: "Sub", inputs: ["a", "b"], outputs: ["difference"] },
    cast("sum", "OUTPUT0", text),
    cast("difference", "OUTPUT1", text),
  ],
  inputs: [rowOf16("INPUT0", "BYTES"), rowOf16("INPUT1", "BYTES")],
  outputs: [rowOf16("OUTPUT0", "BYTES"), rowOf16("OUTPUT1", "BYTES")],
};

const image = [3, 224, 224];

const models: Readonly<Record<string, ModelSource>> = {
  simple: ofTwo("INT32"),
  simple_string: simpleString,
  simple_identity: identityOf("BYTES"),
  custom_identity_int32: identityOf("INT32"),
  /** Not the network: its name, its input and its output. */
  densenet_onnx: {
    nodes: [{ op: "Identity", inputs: ["data_0"], outputs: ["fc6_1"] }],
    inputs: [tensorValue("data_0", "FP32", image)],
    outputs: [tensorValue("fc6_1", "FP32", image)],
  },
};
