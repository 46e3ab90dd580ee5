/**
 * Runs foreign clients of the REST dialects against Millrace, each in a throw-away environment.
 *
 *   node tools/foreign/rest-dialects.ts [mlflow] [sagemaker] [kserve]
 *
 * Needs Python 3 with venv and a package index; the packages are pinned here and live in a
 * temporary folder (MILLRACE_FOREIGN_ENVIRONMENTS keeps them in a folder of one's own). Prints a
 * line for each case and ends with 1 when one failed.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startServer } from "../demo/started-server.ts";

const root = resolve(import.meta.dirname, "../..");
const script = join(import.meta.dirname, "rest_dialects.py");

/** Static: what each client's environment holds; kserve pins what the others do not bear. */
const clients = new Map<string, readonly string[]>([
  ["mlflow", ["mlflow-skinny==3.17.2", "pandas==3.1.1", "requests==2.34.2", "scipy==1.17.1"]],
  ["sagemaker", ["boto3==1.44.8"]],
  ["kserve", ["kserve==0.21.0"]],
]);

async function run(command: string, words: readonly string[]): Promise<number> {
  const child = spawn(command, words, { stdio: "inherit" });
  return await new Promise((done) => {
    child.once("error", () => done(127));
    child.once("exit", (code) => done(code ?? 1));
  });
}

/** The Python of an environment with the client's packages; `undefined` when it cannot be had. */
async function pythonOf(folder: string, name: string): Promise<string | undefined> {
  const home = join(folder, name);
  const python = join(home, "bin/python");
  if (existsSync(python)) return python;
  const packages = clients.get(name) ?? [];
  if ((await run("python3", ["-m", "venv", home])) !== 0) return undefined;
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages];
  return (await run(python, pip)) === 0 ? python : undefined;
}

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.find((name) => !clients.has(name));
  if (unknown !== undefined) {
    process.stderr.write(`no client ${unknown}: expected ${[...clients.keys()].join(", ")}\n`);
    return 2;
  }
  const kept = process.env["MILLRACE_FOREIGN_ENVIRONMENTS"];
  const folder = kept ?? mkdtempSync(join(tmpdir(), "millrace-foreign-"));
  const server = await startServer(join(root, "models"));
  let code = 0;
  try {
    for (const name of asked.length === 0 ? clients.keys() : asked) {
      const python = await pythonOf(folder, name);
      if (python === undefined) process.stdout.write(`fail ${name}: no environment\n`);
      const isPassed =
        python !== undefined && (await run(python, [script, name, server.url])) === 0;
      if (!isPassed) code = 1;
    }
  } finally {
    await server.stop();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
  return code;
}

process.exitCode = await main(process.argv.slice(2));
