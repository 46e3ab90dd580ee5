/**
 * Loaded into the server under attack with `--import`: SIGUSR2 collects garbage.
 *
 * Memory that is only not collected yet is no leak, and an idle process does not collect.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");
if (typeof collect === "function" && isMainThread) process.on("SIGUSR2", () => collect());
