/**
 * Starts one child with as little of us as possible.
 *
 * Named environment keys only, an empty private working directory that is removed when the child
 * ends, no file descriptor but its socket, its two output pipes, the two files of the lane and,
 * with several fronts, the record of what it works on (files without a name). The script lies
 * beside this file with the same extension, so a checkout runs `.ts` and a build `.js`. In a
 * checkout the compiled code is kept under node_modules, because stripping types costs more than
 * the rest of the start (measured: 122 ms without, 49 ms with; a build starts in 45 ms either way).
 *
 * A child ends when its socket closes, but a child inside a run does not see that. So where the
 * system has `setpriv`, it asks the kernel to kill the child when we die (2 ms at the start).
 * Rejected: a watchdog thread in the child, 16 MiB and 30 ms of CPU each.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rm,
  rmSync,
  unlinkSync,
} from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { needDescriptors } from "../../base/index.ts";
import type { LaneFiles } from "../frame/index.ts";
import { workerEnvironment } from "./environment.ts";

export interface Spawned {
  readonly child: ChildProcess;
  readonly socket: Duplex;
  /** Descriptor of the record, to be closed by whoever reads it; `undefined` with one front. */
  readonly record: number | undefined;
  /** Descriptors of the files for large frames, to be closed by whoever uses them. */
  readonly lane: LaneFiles | undefined;
}

/** The rest of the name is the process id of the server and something random. */
const folderPrefix = "millrace-worker-";

/** A folder in memory, where Linux has one. */
const memory = "/dev/shm";

const extension = extname(import.meta.url);
const script = fileURLToPath(new URL(`../worker/main${extension}`, import.meta.url));
const checkout = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** Every child that lives, one entry each, and its folder: none is left behind when we exit. */
const living = new Map<ChildProcess, string>();

function endAll(): void {
  for (const [child, folder] of living) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts a worker process. Throws what the system says when it cannot.
 *
 * @param hasFronts there is more than one front
 */
export function spawnWorker(
  environment: Readonly<Record<string, string | undefined>>,
  hasFronts: boolean,
): Spawned {
  needDescriptors();
  const folder = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const opened: Opened = { record: undefined, lane: undefined };
  try {
    opened.record = hasFronts ? openRecord(folder) : undefined;
    opened.lane = openLane(folder);
    const child = startChild(folder, environment, opened);
    const socket = child.stdio[3];
    if (!(socket instanceof Duplex)) throw new Error("the system gave the worker no socket");
    return { child, socket, ...opened };
  } catch (thrown) {
    const { record, lane } = opened;
    for (const file of [record, lane?.toRead, lane?.toWrite]) {
      if (file !== undefined) closeSync(file);
    }
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  }
}

/** The files that a worker inherits. */
interface Opened {
  record: number | undefined;
  lane: LaneFiles | undefined;
}

function startChild(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
  { record, lane }: Opened,
): ChildProcess {
  const env = workerEnvironment(environment);
  if (extension === ".ts" && existsSync(checkout)) {
    env["NODE_COMPILE_CACHE"] = join(checkout, ".cache", "worker-code");
  }
  const [command, ...words] = [...deathWish(), process.execPath, script];
  if (record !== undefined) words.push("fronts");
  if (lane !== undefined) words.push("lane");
  const laneOfChild = lane === undefined ? [] : [lane.toWrite, lane.toRead];
  const child = spawn(command ?? process.execPath, words, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe", record ?? "ignore", ...laneOfChild],
    windowsHide: true,
  });
  const remove = () => {
    living.delete(child);
    if (living.size === 0) process.off("exit", endAll);
    rm(folder, { recursive: true, force: true }, () => {});
  };
  if (!hasSwept) void sweep(tmpdir()).catch(() => {});
  hasSwept = true;
  if (living.size === 0) process.once("exit", endAll);
  living.set(child, folder);
  child.once("exit", remove);
  child.once("error", remove);
  return child;
}

/**
 * A file that has no name any more, so that it goes with the last who has it open.
 *
 * In memory where the system has a folder for that: on a disk a note would now and then wait for
 * the page that is being written out (seen as replies of 80 ms).
 */
function openRecord(folder: string): number {
  try {
    return openNameless(join(memory, basename(folder)));
  } catch {
    return openNameless(join(folder, "running"));
  }
}

/** The files for large frames; only in memory, a disk is slower than the socket. */
function openLane(folder: string): LaneFiles | undefined {
  const path = join(memory, basename(folder));
  let toRead: number | undefined;
  try {
    toRead = openNameless(`${path}-up`);
    return { toRead, toWrite: openNameless(`${path}-down`) };
  } catch {
    if (toRead !== undefined) closeSync(toRead);
    return undefined;
  }
}

function openNameless(path: string): number {
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
}

let knownWish: readonly string[] | undefined;

/** The words before a command that make the kernel end it with us; none where it cannot. */
function deathWish(): readonly string[] {
  knownWish ??= findWish();
  return knownWish;
}

function findWish(): readonly string[] {
  if (process.platform !== "linux") return [];
  for (const path of ["/usr/bin/setpriv", "/bin/setpriv"]) {
    // BusyBox has a setpriv too, which does not know the option.
    if (!existsSync(path) || basename(realpathSync(path)) !== "setpriv") continue;
    return [path, "--pdeathsig", "KILL", "--no-new-privs", "--"];
  }
  return [];
}

let hasSwept = false;

/** Removes the empty folders of servers that were killed; once in the life of a process. */
async function sweep(folder: string): Promise<void> {
  if (process.platform !== "linux") return;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(folderPrefix)) continue;
    const owner = Number.parseInt(name.slice(folderPrefix.length), 10);
    if (Number.isNaN(owner) || existsSync(`/proc/${owner}`)) continue;
    await rmdir(join(folder, name)).catch(() => {});
  }
}
