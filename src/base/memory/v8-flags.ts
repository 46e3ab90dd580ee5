/**
 * Settings of V8 that the front and the workers depend on under load.
 *
 * What each cures was measured (`docs/adr/0017-flags-of-v8.md`):
 * - Pretenuring: while the young generation is still small, a burst of requests survives a
 *   collection whole. V8 then puts what such places make into the old generation for good, where
 *   the dead keep every later request alive: 40 us of CPU a request instead of 26 and pauses of
 *   20 ms, in every second process.
 * - External memory: a large body lies outside the heap, and every 64 MiB of bodies asked for a
 *   full collection. Now they count as part of a heap that may grow to four times its size before
 *   the next one.
 * - Scavenges: what survives one is small here, and helper threads cost more than they help.
 * - Inlining: a request goes through some 150 small functions; with the stock budget most of them
 *   stay calls (7 % of the front's CPU a request, together with the scavenges).
 *
 * They are set at run time, once the start is over: V8 takes no compiled code that was kept under
 * other flags, and Node keeps its own so (a start with them took 130 ms longer).
 */
import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";

const flags = [
  "--no-allocation-site-pretenuring",
  "--external-memory-accounted-in-global-limit",
  "--heap-growing-percent=300",
  "--no-parallel-scavenge",
  "--max-inlined-bytecode-size=1500",
  "--max-inlined-bytecode-size-cumulative=3000",
] as const;

/** The V8 of Node 24, whose flags these are; another one would complain of those it lacks. */
const isKnownEngine = process.versions.v8.startsWith("13.");

/** Sets the flags, where the engine is the one they were measured on. */
export function setV8Flags(): void {
  if (!isKnownEngine) return;
  // What was compiled so far is kept under the flags of a start.
  flushCompileCache();
  for (const flag of flags) setFlagsFromString(flag);
}
