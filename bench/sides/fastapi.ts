/**
 * The FastAPI peer: makes its virtual environment once, or says why it cannot be had.
 *
 * The environment lies in the cache folder and carries the text of its requirements as a mark, so
 * that a changed pin builds it again.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FixedRequest } from "../load/wrk.ts";
import { cacheFolder, root, type Stage } from "../stage.ts";
import { type RunningServer, startServer } from "./running-server.ts";

const run = promisify(execFile);
const folder = join(root, "bench", "peers", "fastapi");
const environment = join(cacheFolder, "python");
const model = join(cacheFolder, "models", "customer.joblib");
const installMsMax = 600_000;

/** Starts it, or skips it with the reason. */
export async function startFastApi(
  stage: Stage,
  first: FixedRequest,
  cores?: string,
): Promise<RunningServer[]> {
  const why = await prepare();
  if (why !== undefined) {
    stage.skip("fastapi", why);
    return [];
  }
  const server = await startServer(stage, {
    name: "fastapi",
    command: (port) => [
      ...[join(environment, "bin", "uvicorn"), "app:app", "--app-dir", folder],
      ...["--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
      ...["--no-access-log", "--log-level", "warning"],
    ],
    env: { MODEL: model, PYTHONDONTWRITEBYTECODE: "1" },
    cores,
    first,
  });
  return [server];
}

/** What is missing, or `undefined` when environment and model are there. */
async function prepare(): Promise<string | undefined> {
  const wanted = readFileSync(join(folder, "requirements.txt"), "utf8");
  const mark = join(environment, "requirements.txt");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return undefined;
  const python = join(environment, "bin", "python");
  try {
    mkdirSync(join(cacheFolder, "models"), { recursive: true });
    process.stderr.write("making the Python environment of the FastAPI peer (once)\n");
    await run("python3", ["-m", "venv", "--clear", environment]);
    const install = ["-m", "pip", "install", "--quiet", "-r", join(folder, "requirements.txt")];
    await run(python, install, { timeout: installMsMax });
    await run(python, [join(folder, "train.py"), model]);
  } catch (thrown) {
    return lastLine(thrown);
  }
  writeFileSync(mark, wanted);
  return undefined;
}

function lastLine(thrown: unknown): string {
  const said = thrown instanceof Error && "stderr" in thrown ? String(thrown.stderr).trim() : "";
  return said.split("\n").at(-1) || String(thrown);
}
