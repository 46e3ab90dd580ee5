/**
 * Where foreign clients are installed: a folder that is thrown away, one environment a client.
 *
 * Versions are pinned by whoever asks. `MILLRACE_FOREIGN_ENVIRONMENTS` names a folder that is kept
 * from run to run, because building the Go tools takes minutes.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./report.ts";

export interface GoTool {
  readonly name: string;
  /** The module and its version, as go.mod writes them. */
  readonly module: string;
  readonly version: string;
  /** The package of the command. */
  readonly command: string;
}

export class Environments {
  readonly #folder: string;
  readonly #isKept: boolean;

  constructor() {
    const kept = process.env["MILLRACE_FOREIGN_ENVIRONMENTS"];
    this.#isKept = kept !== undefined;
    this.#folder = kept ?? mkdtempSync(join(tmpdir(), "millrace-foreign-"));
  }

  /** The Python of an environment with these packages; `undefined` when it cannot be had. */
  async python(name: string, packages: readonly string[]): Promise<string | undefined> {
    const home = join(this.#folder, name);
    const python = join(home, "bin/python");
    const stamp = join(home, "installed");
    if (existsSync(stamp)) return python;
    const made = await run({ command: "python3", args: ["-m", "venv", home] });
    if (made.code !== 0) return undefined;
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages];
    if ((await run({ command: python, args: pip, isShown: true })).code !== 0) return undefined;
    writeFileSync(stamp, packages.join("\n"));
    return python;
  }

  /** The path of a built Go command; `undefined` when it cannot be had. */
  async go(tool: GoTool): Promise<string | undefined> {
    const home = join(this.#folder, tool.name);
    const path = join(home, "command");
    if (existsSync(path)) return path;
    mkdirSync(home, { recursive: true });
    // A main module of ours: `go install` refuses modules with replace directives.
    const { module, version, command } = tool;
    writeFileSync(
      join(home, "go.mod"),
      `module foreign\n\ngo 1.23\n\nrequire ${module} ${version}\n`,
    );
    const env = { GOFLAGS: "-mod=mod -buildvcs=false", CGO_ENABLED: "0" };
    const args = ["build", "-o", path, command];
    const built = await run({ command: "go", args, cwd: home, env, timeoutMs: 900_000 });
    return built.code === 0 ? path : undefined;
  }

  /** A folder of the run's own. */
  folder(name: string): string {
    const path = join(this.#folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Throws everything away that is not kept. */
  remove(): void {
    if (!this.#isKept) rmSync(this.#folder, { recursive: true, force: true });
  }
}
