/** All comparisons in the order in which they run. */
import type { Comparison } from "../stage.ts";
import { connections } from "./connections.ts";
import { frontsGrpc, frontsRest } from "./fronts.ts";
import { frontsCoresGrpc, frontsCoresRest } from "./fronts-cores.ts";
import { grpc, grpcTensorEcho } from "./grpc.ts";
import { grpcInfer, grpcRows, grpcRowsTrees } from "./grpc-rows.ts";
import { latency } from "./latency.ts";
import { fleet, memory } from "./memory.ts";
import { hostile, neighbour } from "./neighbour.ts";
import { mlp, mlpWide } from "./networks.ts";
import { row, rowOneCore } from "./row.ts";
import { rowsLinear, rowsTrees } from "./rows.ts";
import { start } from "./start.ts";
import { streamLines, streamSockets } from "./streams.ts";
import { tensor, tensorRowsLinear, tensorRowsTrees } from "./tensor.ts";

export const comparisons: readonly Comparison[] = [
  row,
  rowOneCore,
  latency,
  connections,
  grpc,
  grpcInfer,
  grpcRows,
  grpcRowsTrees,
  grpcTensorEcho,
  frontsRest,
  frontsGrpc,
  frontsCoresRest,
  frontsCoresGrpc,
  rowsLinear,
  rowsTrees,
  tensor,
  tensorRowsTrees,
  tensorRowsLinear,
  mlp,
  mlpWide,
  streamSockets,
  streamLines,
  neighbour,
  hostile,
  start,
  memory,
  fleet,
];

/**
 * The comparisons a list of names means: each name is a comparison or the group it begins (`rows`
 * is `rows` and `rows-trees`). No names mean all.
 *
 * @throws RangeError naming the names there are
 */
export function chosen(names: readonly string[]): readonly Comparison[] {
  const isMeant = (name: string) => (each: Comparison) =>
    each.name === name || each.name.startsWith(`${name}-`);
  for (const name of names) {
    if (comparisons.some(isMeant(name))) continue;
    const known = comparisons.map((each) => each.name).join(", ");
    throw new RangeError(`no comparison is called ${name}; there are ${known}`);
  }
  return names.length === 0
    ? comparisons
    : comparisons.filter((each) => names.some((name) => isMeant(name)(each)));
}
