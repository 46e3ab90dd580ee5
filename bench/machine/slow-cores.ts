/**
 * Makes a few slow cores out of a part of the real ones, by the kernel's bandwidth control.
 *
 * How a server gains from cores can be measured on a machine that has only two: a "core" is a share
 * of a real one, no process of a tree may use more than one of them, and the whole tree no more
 * than it is given. This is an emulation and is called so wherever its figures stand: the load is
 * really divided, connections and batches are really spread, and each request costs what it costs;
 * but caches, memory and the wake of an idle core are those of two real cores, and a process that
 * may run does so at full speed until its share of the period is used up.
 *
 * The groups are those of version 1 of the controller (`cpu.cfs_quota_us`), which can be nested
 * without moving anybody else. They are removed with the comparison, and when the bench ends in any
 * other way than by SIGKILL.
 */
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processTree } from "./process-tree.ts";

const controller = "/sys/fs/cgroup/cpu";

/** What a slow core is of a real one: four of them and a generator leave room on two. */
export const slowCoreShare = 0.3;
/** In which a process may use up its share, us: short, so that little gathers while it may not run,
 *  and long against what a process needs to get its caches back, and against a tick of 4 ms. */
const periodUs = 20_000;

/** Groups that exist, parents first; at most one for each process of a comparison. */
const groups = new Set<string>();

// Ahead of the listener that kills what was started: a dying process keeps its group busy.
process.prependListener("exit", () => removeAll([...groups]));

/** Why slow cores cannot be made here, or `undefined`. */
export function noSlowCores(): string | undefined {
  try {
    for (const name of ["cgroup.procs", "cpu.cfs_quota_us"]) {
      accessSync(join(controller, name), constants.W_OK);
    }
    return undefined;
  } catch {
    return `needs Linux with version 1 of the cpu controller, writable below ${controller}`;
  }
}

/**
 * Holds the process `pid` and all its descendants, each on one slow core, all on `cores` of them.
 *
 * @returns what sets them free again
 * @throws the system's error
 */
export function holdOnSlowCores(pid: number, cores: number): () => void {
  const whole = join(controller, `millrace-bench-${process.pid}-${pid}`);
  const made = [whole];
  addGroup(whole, cores);
  for (const each of processTree(pid)) {
    const own = join(whole, String(each));
    made.push(own);
    addGroup(own, 1);
    writeFileSync(join(own, "cgroup.procs"), String(each));
  }
  return () => removeAll(made);
}

function addGroup(path: string, cores: number): void {
  mkdirSync(path);
  groups.add(path);
  writeFileSync(join(path, "cpu.cfs_period_us"), String(periodUs));
  const quotaUs = Math.round(cores * slowCoreShare * periodUs);
  writeFileSync(join(path, "cpu.cfs_quota_us"), String(quotaUs));
}

/** Gives the processes back to the group of all and removes these groups, children first. */
function removeAll(paths: readonly string[]): void {
  for (const path of paths.toReversed()) {
    if (!groups.delete(path)) continue;
    for (const pid of readFileSync(join(path, "cgroup.procs"), "utf8").split("\n")) {
      if (pid !== "") giveBack(pid);
    }
    rmdirSync(path);
  }
}

function giveBack(pid: string): void {
  try {
    writeFileSync(join(controller, "cgroup.procs"), pid);
  } catch {
    // It has ended, and with that left the group.
  }
}
