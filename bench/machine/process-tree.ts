/**
 * What the processes of a server cost, from the kernel's own accounting.
 *
 * CPU is user plus system time of every process of the tree that is alive at the end, in ticks of
 * 10 ms on most machines: fine for rounds of a second and more. A process that ended within the
 * round is not counted.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Ticks of the CPU accounting a second, usually 100. */
export const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Text of a file of `/proc`, or `undefined` when the process has gone. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Fields of `/proc/PID/stat` from the third on (state is 0); the name may hold spaces. */
function statFields(pid: number | "self"): string[] {
  const text = readProc(`${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** `pid` and all its descendants, parents first. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const each = Number(entry);
    if (!Number.isInteger(each)) continue;
    const parent = Number(statFields(each)[1]);
    children.set(parent, [...(children.get(parent) ?? []), each]);
  }
  const found = [pid];
  for (const each of found) found.push(...(children.get(each) ?? []));
  return found;
}

/** CPU seconds that one process has used so far; 0 when it has gone. */
function cpuSecondsOf(pid: number): number {
  const fields = statFields(pid);
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return ticks / ticksPerSecond;
}

export interface TreeUsage {
  /** CPU seconds of all processes together. */
  readonly allSeconds: number;
  /** CPU seconds of the process that was started: the one that listens. */
  readonly frontSeconds: number;
}

/** The CPU time of the process tree so far. */
export function treeUsage(pid: number): TreeUsage {
  let allSeconds = 0;
  for (const each of processTree(pid)) allSeconds += cpuSecondsOf(each);
  return { allSeconds, frontSeconds: cpuSecondsOf(pid) };
}

/** Proportional memory of the process tree in MiB: pages that processes share count once. */
export function treePssMiB(pid: number): number {
  let kib = 0;
  for (const each of processTree(pid)) {
    const line = (readProc(`${each}/smaps_rollup`) ?? "")
      .split("\n")
      .find((text) => text.startsWith("Pss:"));
    kib += Number(line?.slice("Pss:".length).trim().split(" ")[0] ?? 0);
  }
  return kib / 1024;
}

/** CPU seconds that all processes of the machine have used, interrupts left out. */
export function machineCpuSeconds(): number {
  const line = (readProc("stat") ?? "").split("\n")[0] ?? "";
  const [user, nice, system] = line.split(" ").filter(Boolean).slice(1).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0)) / ticksPerSecond;
}
