/**
 * Resident memory of a process, from /proc where it exists.
 *
 * `status` and not `statm`, because it counts in KiB whatever the page size is. The file is made by
 * the kernel while it is read, so reading it blocks for microseconds only.
 */
import { readFileSync } from "node:fs";

const label = "VmRSS:";

/** Byte, or `undefined` where the system does not tell or the process is gone. */
export function residentBytes(pid: number): number | undefined {
  try {
    return residentBytesIn(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return undefined;
  }
}

/** The resident size that a /proc/PID/status text states, byte. */
export function residentBytesIn(status: string): number | undefined {
  const at = status.indexOf(label);
  if (at < 0) return undefined;
  const kib = Number.parseInt(status.slice(at + label.length), 10);
  return Number.isNaN(kib) ? undefined : kib * 1024;
}
