/**
 * The example programs of Triton's client libraries, unchanged, judged by their exit code.
 *
 * They are not ours and not kept here: MILLRACE_FOREIGN_TRITON_EXAMPLES names a folder with those
 * of `src/python/examples` and `src/grpc_generated/javascript` of the repository
 * github.com/triton-inference-server/client.
 */
import { copyFileSync, cpSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Visit } from "./clients.ts";
import { run } from "./report.ts";
import { root, startOfSeven } from "./server.ts";

interface Program {
  readonly file: string;
  /** Which address it is given, as `-u`; none for a program that knows only ports 8000 and 8001. */
  readonly door?: "rest" | "grpc";
  readonly words?: readonly string[];
  /** Why it is known to fail. */
  readonly differs?: string;
}

const compressed = (algorithm: string): string[] => [
  ...["--request-compression-algorithm", algorithm],
  ...["--response-compression-algorithm", algorithm],
];

const programs: readonly Program[] = [
  { file: "simple_http_infer_client.py", door: "rest" },
  { file: "simple_http_infer_client.py", door: "rest", words: compressed("gzip") },
  { file: "simple_http_infer_client.py", door: "rest", words: compressed("deflate") },
  { file: "simple_http_aio_infer_client.py", door: "rest" },
  { file: "simple_http_aio_infer_client.py", door: "rest", words: compressed("gzip") },
  { file: "simple_http_aio_infer_client.py", door: "rest", words: compressed("deflate") },
  {
    file: "simple_http_string_infer_client.py",
    door: "rest",
    differs: "its numbers as text pass; then it sends a NUL, which ONNX Runtime takes in no text",
  },
  { file: "simple_http_health_metadata.py", door: "rest" },
  { file: "simple_grpc_infer_client.py", door: "grpc" },
  { file: "simple_grpc_health_metadata.py", door: "grpc" },
  { file: "grpc_client.py", door: "grpc" },
  { file: "grpc_explicit_int_content_client.py", door: "grpc" },
  { file: "memory_growth_test.py", words: ["-i", "HTTP"] },
  { file: "memory_growth_test.py", words: ["-i", "gRPC"] },
];

const packages = [
  ...["tritonclient[grpc,http]==2.73.0", "numpy==2.4.6", "psutil==7.2.2"],
  "grpcio-reflection==1.81.1",
];

/** Runs those that are there. */
export async function runTritonExamples(visit: Visit): Promise<void> {
  const { server, environments, report } = visit;
  const folder = process.env["MILLRACE_FOREIGN_TRITON_EXAMPLES"];
  if (folder === undefined) {
    report.skip("triton-examples", "MILLRACE_FOREIGN_TRITON_EXAMPLES names no folder");
    return;
  }
  const python = await environments.python("triton-examples", packages);
  if (python === undefined) {
    report.fail("triton-examples", "its Python environment could not be made");
    return;
  }
  const isUsual = server.rest.endsWith(":8000") && server.grpc.endsWith(":8001");
  await runModelControl(visit, python, folder);
  for (const { file, door, words = [], differs } of programs) {
    const name = ["triton-examples", file, ...words.slice(-1)].join(" ");
    const path = join(folder, file);
    if (!existsSync(path)) report.skip(name, "it is not in the folder");
    else if (door === undefined && !isUsual) report.skip(name, "ports 8000 and 8001 are taken");
    else {
      const where = door === undefined ? [] : ["-u", server[door]];
      const args = [path, ...where, ...words];
      const ended = await run({ command: python, args, timeoutMs: 60_000 });
      if (differs !== undefined && ended.code !== 0) report.differs(name, differs);
      else report.judge(name, ended);
    }
  }
  await runJavaScript(visit, folder);
}

/** Loads and unloads; against a server of its own, which may hold seven models alone. */
async function runModelControl(visit: Visit, python: string, folder: string): Promise<void> {
  const file = "simple_http_model_control.py";
  const name = `triton-examples ${file}`;
  const { environments, report } = visit;
  if (!existsSync(join(folder, file))) {
    report.skip(name, "it is not in the folder");
    return;
  }
  const server = await startOfSeven(environments.folder("seven-models"));
  try {
    const args = [join(folder, file), "-u", server.url.slice("http://".length)];
    report.judge(name, await run({ command: python, args, timeoutMs: 60_000 }));
  } finally {
    await server.stop();
  }
}

/** The Node program reads the protocol's files beside itself; it gets Millrace's. */
async function runJavaScript({ server, environments, report }: Visit, folder: string) {
  const name = "triton-examples client.js";
  if (!existsSync(join(folder, "client.js"))) {
    report.skip(name, "it is not in the folder");
    return;
  }
  const home = environments.folder("triton-javascript");
  // The service stands alone, what it imports below its package's folder.
  for (const place of ["proto", "proto/inference"]) {
    cpSync(join(root, "proto/inference"), join(home, place), { recursive: true });
  }
  copyFileSync(join(folder, "client.js"), join(home, "client.js"));
  // It is CommonJS, whatever a folder above says.
  writeFileSync(join(home, "package.json"), "{}\n");
  const modules = join(home, "node_modules");
  if (!existsSync(modules)) symlinkSync(join(root, "node_modules"), modules);
  const args = [join(home, "client.js"), ...server.grpc.split(":")];
  report.judge(name, await run({ command: process.execPath, args, timeoutMs: 30_000 }));
}
