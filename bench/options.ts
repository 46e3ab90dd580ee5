/** The command line of the bench. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder, root } from "./stage.ts";

export const usage = `npm run bench -- [names] [options]

Starts the server and its peers on this machine, measures them in interleaved rounds, and prints
ratios with their spread. Needs wrk and taskset.

names            comparisons or groups of them (row, latency, tensor ...); none means all
--rounds N       rounds, 1 or more (7)
--seconds N      whole seconds a side is measured in a round (2)
--quick          3 rounds of 1 second: shows that it works, decides nothing
--json FILE      where the figures go (.cache/bench/results.json)
--record         keep the ratios reached in bench/baseline.json
--server FILE    entry file of the built server (dist/app/main.js)
--seed N         seed of the random inputs (1)
--list           names the comparisons and their goals
--help           this text

MILLRACE_BENCH_TRITON  folder of a Python 3.11 environment with nvidia-pytriton and onnxruntime:
                       Triton is measured too

Exit: 0 all goals met, 1 a goal missed or a ratio of the baseline lost, 2 something did not run.
`;

export interface BenchOptions {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly jsonFile: string;
  readonly isRecording: boolean;
  readonly server: string;
  readonly seed: number;
  readonly show: "help" | "list" | undefined;
}

/** @throws TypeError for an unknown option, RangeError for a number out of range */
export function readOptions(words: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean" },
      json: { type: "string" },
      record: { type: "boolean" },
      server: { type: "string" },
      seed: { type: "string" },
      list: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const isQuick = values.quick === true;
  return {
    names: positionals,
    rounds: whole("--rounds", values.rounds ?? (isQuick ? "3" : "7")),
    seconds: whole("--seconds", values.seconds ?? (isQuick ? "1" : "2")),
    jsonFile: resolve(values.json ?? join(cacheFolder, "results.json")),
    isRecording: values.record === true,
    server: resolve(values.server ?? join(root, "dist", "app", "main.js")),
    seed: whole("--seed", values.seed ?? "1"),
    show: values.help === true ? "help" : values.list === true ? "list" : undefined,
  };
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${option} takes a whole number of 1 or more, not ${text}`);
}
