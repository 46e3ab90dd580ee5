/** Says on which machine and from which sources a figure was made. */
import { execFileSync } from "node:child_process";
import { arch, cpus, loadavg, release, totalmem } from "node:os";

export interface MachineReport {
  readonly processor: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly system: string;
  readonly node: string;
  readonly wrk: string;
  readonly commit: string;
  /** True when the checkout differs from the commit. */
  readonly isChanged: boolean;
  /** Runnable processes over the last minute, before the first comparison. */
  readonly loadBefore: number;
}

/** REQUIRES: `wrk` was found. */
export function describeMachine(wrkVersion: string): MachineReport {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    system: `${process.platform} ${release()} ${arch()}`,
    node: process.version,
    wrk: wrkVersion,
    commit: git("rev-parse", "--short=12", "HEAD") ?? "unknown",
    isChanged: (git("status", "--porcelain") ?? "") !== "",
    loadBefore: loadavg()[0] ?? 0,
  };
}

function git(...words: string[]): string | undefined {
  try {
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return execFileSync("git", words, { encoding: "utf8", stdio }).trim();
  } catch {
    return undefined;
  }
}
