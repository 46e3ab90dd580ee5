/**
 * Whether a child can be started with the file descriptors that are free.
 *
 * A start that fails half-way for want of them is not undone by Node: it returns without the pipes
 * and leaves them open (seen: 3 a try), so a server that ran out would never have enough again.
 */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";

/** Pipes, their other ends and files of one start are 11 (measured); a few for its thread pool. */
const neededDescriptors = 16;

/** @throws an Error when too few are free to start a child */
export function needDescriptors(): void {
  const open: number[] = [];
  try {
    while (open.length < neededDescriptors) open.push(openSync(devNull, "r"));
  } catch (thrown) {
    throw new Error("too few file descriptors are free to start a process", { cause: thrown });
  } finally {
    for (const file of open) closeSync(file);
  }
}
