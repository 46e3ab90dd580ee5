/**
 * `millrace bench`: load on a server and the latency that its callers see.
 */
import { seededRandom } from "../../base/index.ts";
import type { ArrivalKind } from "../load/arrivals.ts";
import { runClosedLoop } from "../load/closed-loop.ts";
import type { Target } from "../load/connection.ts";
import { Measure } from "../load/measure.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { benchFigures, reportText } from "../load/report.ts";
import { CommandError, exitCodes, ProgressLine, print, say } from "../terminal.ts";
import { startOwnServer, targetOf } from "./bench-target.ts";

export interface BenchFlags {
  readonly connections?: number;
  readonly rate?: number;
  readonly arrivals: ArrivalKind;
  readonly duration?: number;
  readonly requests?: number;
  readonly warmup?: number;
  readonly model?: string;
  readonly input?: string;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Measures and prints; the exit code is 1 when nothing was answered well. */
export async function bench(address: string, flags: BenchFlags): Promise<void> {
  checkFlags(flags);
  const isUrl = address.includes("://");
  const own = isUrl ? undefined : await startOwnServer(address);
  try {
    const target = await targetOf(own?.url ?? address, flags);
    await runBench(target, flags);
  } finally {
    await own?.stop();
  }
}

function checkFlags({ rate, duration, warmup }: BenchFlags): void {
  const given = { "--rate": rate, "--duration": duration };
  for (const [flag, value] of Object.entries(given)) {
    if (value === undefined || value > 0) continue;
    throw new CommandError(`${flag}: got ${value}, expected more than 0`, exitCodes.usage);
  }
  if (warmup === undefined || warmup >= 0) return;
  throw new CommandError(`--warmup: got ${warmup}, expected 0 or more`, exitCodes.usage);
}

async function runBench(target: Target, flags: BenchFlags): Promise<void> {
  const measure = new Measure();
  const nowMs = (): number => performance.now();
  const connections = flags.connections ?? (flags.rate === undefined ? 1 : 64);
  const warmupMs = (flags.warmup ?? 1) * 1000;
  const durationMs = (flags.duration ?? 10) * 1000;
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 31);
  const startMs = nowMs();
  let cpuAtBegin = process.cpuUsage();
  const isOver = (): boolean => {
    const passedMs = nowMs() - startMs;
    if (measure.beganAtMs === 0) {
      if (passedMs < warmupMs) return false;
      measure.begin(nowMs());
      cpuAtBegin = process.cpuUsage();
    }
    const isEnough =
      flags.requests === undefined
        ? nowMs() - measure.beganAtMs >= durationMs
        : measure.count >= flags.requests;
    if (isEnough) measure.end(nowMs());
    return isEnough;
  };
  const stopProgress = showProgress(measure, nowMs);
  const run = { target, connections, measure, nowMs, isOver };
  if (flags.rate === undefined) await runClosedLoop(run);
  else {
    const random = seededRandom(seed);
    const arrivals = { kind: flags.arrivals, ratePerS: flags.rate, random };
    await runOpenLoop({ ...run, arrivals });
  }
  stopProgress();
  const durationS = measure.durationS(nowMs());
  const { user, system } = process.cpuUsage(cpuAtBegin);
  const generatorShare = (user + system) / 1e6 / Math.max(durationS, 0.001);
  const facts = { connections, ratePerS: flags.rate, durationS, generatorShare };
  const figures = benchFigures(measure, facts);
  const replay = flags.rate === undefined ? {} : { seed };
  if (flags.json === true) print(JSON.stringify({ ...figures, ...replay }, undefined, 2));
  else print(reportText(figures, measure.latency));
  if (measure.count > measure.errors) return;
  say("error: no request was answered with success");
  process.exitCode = exitCodes.failed;
}

function showProgress(measure: Measure, nowMs: () => number): () => void {
  const line = new ProgressLine();
  const timer = setInterval(() => {
    if (!measure.isOn) {
      line.show("warming up");
      return;
    }
    const { latency, count } = measure;
    const seconds = measure.durationS(nowMs());
    const rate = Math.round(count / Math.max(seconds, 0.001));
    const p50 = latency.percentile(0.5).toFixed(3);
    const p99 = latency.percentile(0.99).toFixed(3);
    const errors = `${measure.errors} errors`;
    line.show(`${seconds.toFixed(0)} s  ${rate}/s  p50 ${p50} ms  p99 ${p99} ms  ${errors}`);
  }, 250);
  return () => {
    clearInterval(timer);
    line.clear();
  };
}
