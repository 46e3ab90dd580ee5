/**
 * What a server of several fronts has logged, for the tests that start one.
 */
import type { BuiltServer } from "./built-server.ts";

type Line = { readonly [field: string]: unknown };

/** Its log so far, a record a line. */
export function linesOf(server: BuiltServer): Line[] {
  const lines = server.output().split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
}

/** The pids of the fronts that are not the primary, oldest first. */
export function otherFronts(server: BuiltServer): number[] {
  return linesOf(server)
    .filter((line) => line["message"] === "front open")
    .map((line) => Number(line["front_pid"]));
}
