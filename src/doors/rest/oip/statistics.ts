/**
 * Answers what callers ask about the work that was done.
 */
import { modelStatistics, type ServedVersion, servedOf } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import { nameOf, type Replies } from "./replies.ts";

/** `GET .../stats`: one version when it is named, else all that answer. */
export function versionStatistics(replies: Replies, exchange: Exchange): void {
  const { service } = replies;
  const served = service.find(nameOf(exchange), exchange.parameters[1]);
  const all = exchange.parameters[1] === undefined ? servedOf(service, served.model) : [served];
  statistics(replies, exchange, all);
}

/** `GET /v2/models/stats` */
export function allStatistics(replies: Replies, exchange: Exchange): void {
  statistics(replies, exchange, replies.service.servedVersions());
}

function statistics(
  { service }: Replies,
  exchange: Exchange,
  versions: readonly ServedVersion[],
): void {
  const { clock } = service;
  const offsetMs = clock.wallMs() - clock.nowMs();
  const wall = (atMs: number): number => atMs + offsetMs;
  replyStatus(exchange, 200, {
    model_stats: versions.map((served) => modelStatistics(served, wall)),
  });
}
