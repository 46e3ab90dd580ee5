/**
 * A bare cluster as people write it: one process a core answers what the single bare server
 * answers, and `node:cluster` hands the connections out. More processes gain no more than this.
 *
 * `SERVER` is the file of the single server, `PROCESSES` how many there are.
 */
import cluster from "node:cluster";

if (cluster.isPrimary) {
  for (let index = 0; index < Number(process.env["PROCESSES"]); index += 1) cluster.fork();
} else {
  await import(process.env["SERVER"] ?? "");
}
