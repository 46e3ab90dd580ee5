/**
 * Divides among the fronts what is limited for the whole server.
 *
 * Evenly and once and for all, so that no request asks another process: the shares add up to the
 * limit. The price is that a front may refuse while another has room left; callers that come on
 * many connections are spread evenly enough. What is bounded for one connection, message or run
 * holds in each front as it is. Streams are not kept to be continued: a caller comes back on
 * another connection, which may be that of another front.
 */
import type { LimitName, Limits } from "../../base/index.ts";

/** One front among all: `index` from 0. */
export interface FrontPlace {
  readonly index: number;
  readonly count: number;
}

/** The place of the only front. */
export const onlyFront: FrontPlace = { index: 0, count: 1 };

/** Static: what counts for the whole server. */
const dividedLimits = [
  "connectionsMax",
  "streamsMax",
  "queueItemsMax",
  "queueBytesMax",
  "unreadBytesMax",
] as const satisfies readonly LimitName[];

/** The limits that this front keeps. */
export function shareOfLimits(limits: Limits, { index, count }: FrontPlace): Limits {
  if (count === 1) return limits;
  const share = (limit: number): number =>
    Math.floor(limit / count) + (index < limit % count ? 1 : 0);
  return Object.freeze({
    ...limits,
    connectionsMax: share(limits.connectionsMax),
    streamsMax: share(limits.streamsMax),
    // A package may have lowered them below the number of fronts; then each front takes one.
    queueItemsMax: Math.max(1, share(limits.queueItemsMax)),
    queueBytesMax: Math.max(1, share(limits.queueBytesMax)),
    unreadBytesMax: share(limits.unreadBytesMax),
    streamsKeptMax: 0,
  });
}

/** Why the limits cannot be divided among `fronts`, or `undefined`. */
export function indivisible(limits: Limits, fronts: number): string | undefined {
  for (const name of dividedLimits) {
    if (limits[name] === 0 || limits[name] >= fronts) continue;
    return (
      `limits.${name}: ${limits[name]} cannot be divided among ${fronts} fronts: ` +
      `expected ${fronts} or more`
    );
  }
  return undefined;
}
