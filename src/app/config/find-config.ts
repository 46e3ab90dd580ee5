/**
 * Loads the configuration of a command: finds the file, names the flags, reads the environment.
 *
 * The file is the one named by `--config` or MILLRACE_CONFIG, else `millrace.yaml` in the working
 * folder when there is one. A named file must exist.
 */
import { existsSync, readFileSync } from "node:fs";
import { type LoadedConfig, loadConfig, settingOfText } from "./config.ts";
import { sagemakerFolder } from "./platform-variables.ts";
import { ConfigError } from "./problems.ts";
import type { GivenValue } from "./read-file.ts";

/** Options of the command line that are settings, as commander names them. */
export interface ConfigFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly unixSocket?: string;
  readonly fronts?: number | string;
  readonly grpcPort?: number;
  /** False by `--no-grpc`. */
  readonly grpc?: boolean;
  readonly name?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly instances?: number | string;
  readonly threads?: number;
  readonly batchItemsMax?: number;
  readonly batchDelayMs?: number;
  readonly workersShare?: boolean;
  readonly set?: readonly string[];
}

/** Static: the setting behind each flag. */
const flagSettings: { readonly [flag in keyof ConfigFlags]?: readonly [string, string] } = {
  host: ["server.host", "--host"],
  port: ["server.port", "--port"],
  fronts: ["server.fronts", "--fronts"],
  unixSocket: ["server.unixSocket", "--unix-socket"],
  grpcPort: ["grpc.port", "--grpc-port"],
  grpc: ["grpc.enabled", "--no-grpc"],
  name: ["models.name", "--name"],
  logLevel: ["log.level", "--log-level"],
  logFormat: ["log.format", "--log-format"],
  instances: ["workers.instances", "--instances"],
  threads: ["workers.threads", "--threads"],
  batchItemsMax: ["batching.itemsMax", "--batch-items-max"],
  batchDelayMs: ["batching.delayMsMax", "--batch-delay-ms"],
  workersShare: ["workers.share", "--workers-share"],
};

const defaultFile = "millrace.yaml";

/** @throws ConfigError with every problem */
export async function findConfig(
  paths: readonly string[],
  flags: ConfigFlags,
): Promise<LoadedConfig> {
  const given: GivenValue[] = [];
  for (const text of flags.set ?? []) given.push(settingOfText(text));
  for (const [flag, place] of Object.entries(flagSettings)) {
    const value = flags[flag as keyof ConfigFlags];
    // `--no-grpc` makes the flag false; without it commander says true, which nobody asked for.
    if (value === undefined || (value === true && flag === "grpc")) continue;
    given.push({ setting: place[0], value, origin: `flag ${place[1]}` });
  }
  if (paths.length > 0) given.push({ setting: "models.paths", value: paths, origin: "argument" });
  const environment = process.env;
  const hasSagemakerModel = existsSync(sagemakerFolder);
  const file = readFile(flags.config);
  return await loadConfig({ flags: given, environment, file, hasSagemakerModel });
}

function readFile(flag: string | undefined): { path: string; text: string } | undefined {
  const path = flag ?? process.env["MILLRACE_CONFIG"] ?? defaultFile;
  const isNamed = path !== defaultFile || flag !== undefined;
  if (!isNamed && !existsSync(path)) return undefined;
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "";
    const reason = code === "ENOENT" ? "no such file" : `cannot be read (${code})`;
    throw new ConfigError([`${path}: ${reason}`]);
  }
}
