/**
 * `npm run bench`: the server beside its peers, in one run, on this machine.
 *
 * Reads the options, plays each comparison, prints what was found and writes it as JSON. What is
 * compared stands in `comparisons/`, how a figure is judged in `verdict/`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { chosen } from "./comparisons/index.ts";
import { wrkVersion } from "./load/wrk.ts";
import { describeMachine, type MachineReport } from "./machine/describe.ts";
import { type BenchOptions, readOptions, usage } from "./options.ts";
import { play } from "./rounds.ts";
import type { Rounds } from "./sample.ts";
import { type Comparison, root } from "./stage.ts";
import { againstBaseline, type Baseline, recordInto } from "./verdict/baseline.ts";
import { judge, type Verdict } from "./verdict/claim.ts";
import { quietness, sidesTable, verdictLine } from "./verdict/report.ts";

const baselineFile = join(root, "bench", "baseline.json");
const say = (line = ""): void => void process.stdout.write(`${line}\n`);

interface Outcome {
  readonly comparison: Comparison;
  readonly rounds: Rounds;
  readonly verdicts: readonly Verdict[];
  readonly skipped: ReadonlyMap<string, string>;
  readonly isLost: boolean;
}

/** Rewrites one line on a terminal, writes a line each elsewhere. */
function progress(what: string | undefined): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what ?? ""}`);
  else if (what !== undefined) process.stderr.write(`${what}\n`);
}

async function runOne(
  comparison: Comparison,
  options: BenchOptions,
  baseline: Baseline,
): Promise<Outcome> {
  const { rounds, skipped } = await play(comparison, { ...options, onProgress: progress });
  const verdicts = comparison.claims.map((claim) => judge(claim, rounds));
  say(`\n${comparison.name}: ${comparison.about}`);
  for (const line of sidesTable(comparison, rounds)) say(`  ${line}`);
  for (const [name, why] of skipped) say(`  ${name} skipped: ${why}`);
  let isLost = false;
  for (const verdict of verdicts) {
    const kept = againstBaseline(baseline, comparison.name, verdict);
    isLost ||= kept?.isRegressed === true;
    if (verdict.spread !== undefined) say(`- ${verdictLine(verdict, kept)}`);
  }
  for (const line of quietness(rounds)) say(`  ${line}`);
  return { comparison, rounds, verdicts, skipped, isLost };
}

function readBaseline(): Baseline {
  return (JSON.parse(readFileSync(baselineFile, "utf8")) as { ratios: Baseline }).ratios;
}

function writeResults(
  options: BenchOptions,
  machine: MachineReport,
  outcomes: readonly Outcome[],
): void {
  const results = {
    machine,
    seed: options.seed,
    roundsAsked: options.rounds,
    secondsPerRound: options.seconds,
    endedAt: new Date().toISOString(),
    comparisons: outcomes.map(({ comparison, rounds, verdicts, skipped }) => ({
      name: comparison.name,
      about: comparison.about,
      rounds: Object.fromEntries(rounds),
      skipped: Object.fromEntries(skipped),
      verdicts,
    })),
  };
  mkdirSync(dirname(options.jsonFile), { recursive: true });
  writeFileSync(options.jsonFile, `${JSON.stringify(results, undefined, 1)}\n`);
  say(`\nfigures of every round: ${relative(process.cwd(), options.jsonFile)}`);
}

function record(machine: MachineReport, outcomes: readonly Outcome[], old: Baseline): void {
  let ratios = old;
  for (const { comparison, verdicts } of outcomes) {
    ratios = recordInto(ratios, comparison.name, verdicts);
  }
  const { processor, cores, node, commit } = machine;
  const recorded = { processor, cores, node, commit };
  writeFileSync(baselineFile, `${JSON.stringify({ recorded, ratios }, undefined, 2)}\n`);
  say(`recorded in ${relative(process.cwd(), baselineFile)}`);
}

function list(comparisons: readonly Comparison[]): void {
  for (const { name, about, claims } of comparisons) {
    say(`${name}: ${about}`);
    for (const { title, goal } of claims) {
      if (goal === undefined) continue;
      say(`  ${title} ${"atLeast" in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`}`);
    }
  }
}

async function bench(options: BenchOptions): Promise<number> {
  const comparisons = chosen(options.names);
  if (options.show === "list") list(comparisons);
  if (options.show === "help") process.stdout.write(usage);
  if (options.show !== undefined) return 0;
  const wrk = wrkVersion();
  if (wrk === undefined) {
    say("wrk, the load generator, was not found: install it (Debian: apt-get install wrk)");
    return 2;
  }
  const machine = describeMachine(wrk);
  const { processor, cores, node, commit, isChanged, loadBefore } = machine;
  say(`${processor}, ${cores} cores, Node ${node}, ${wrk}, load ${loadBefore.toFixed(2)}`);
  say(`commit ${commit}${isChanged ? " with changes" : ""}, seed ${options.seed}`);
  const baseline = readBaseline();
  const outcomes: Outcome[] = [];
  let hasBroken = false;
  for (const comparison of comparisons) {
    try {
      outcomes.push(await runOne(comparison, options, baseline));
    } catch (thrown) {
      hasBroken = true;
      say(`\n${comparison.name} did not run: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }
  writeResults(options, machine, outcomes);
  if (options.isRecording) record(machine, outcomes, baseline);
  if (hasBroken) return 2;
  const isMissed = outcomes.some(
    (each) => each.isLost || each.verdicts.some((verdict) => verdict.state === "fail"),
  );
  return isMissed ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // The exit listener of started-process.ts ends what was started.
  process.once(signal, () => process.exit(130));
}

try {
  process.exitCode = await bench(readOptions(process.argv.slice(2)));
} catch (thrown) {
  say(thrown instanceof Error ? thrown.message : String(thrown));
  process.exitCode = 2;
}
