/**
 * Answers what callers ask about the work that was done.
 */
import { modelStatistics, type ServedVersion, servedOf } from "../../../service/index.ts";
import type { Exchange } from "../http/exchange.ts";
import { replyStatus } from "../http/exchange-work.ts";
import { nameOf, type Replies } from "./replies.ts";

/** `GET .../stats`: one version when it is named, else all that answer. */
export async function versionStatistics(replies: Replies, exchange: Exchange): Promise<void> {
  const { service } = replies;
  const served = service.find(nameOf(exchange), exchange.parameters[1]);
  const all = exchange.parameters[1] === undefined ? servedOf(service, served.model) : [served];
  await statistics(replies, exchange, all);
}

/** `GET /v2/models/stats` */
export async function allStatistics(replies: Replies, exchange: Exchange): Promise<void> {
  await statistics(replies, exchange, replies.service.servedVersions());
}

async function statistics(
  { service }: Replies,
  exchange: Exchange,
  versions: readonly ServedVersion[],
): Promise<void> {
  const whole = await service.wholeMetrics({ hasWindows: false });
  const model_stats = versions.map((served) => modelStatistics(served, whole));
  replyStatus(exchange, 200, { model_stats });
}
