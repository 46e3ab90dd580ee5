/**
 * What the foreign clients did: a line a case, and how many failed.
 *
 * A case that is known to differ is no pass and no failure; its line says why.
 */
import { spawn } from "node:child_process";

/** Characters of a program's output that a line shows. */
const shownLengthMax = 200;
const outputLengthMax = 1024 * 1024;

export interface Ended {
  readonly code: number;
  /** stdout and stderr together, the last MiB. */
  readonly output: string;
}

/** Lines on stdout; counts what failed. */
export class Report {
  failed = 0;

  /** Where a client prints its own lines: its exit code counts, nothing is printed. */
  ended(code: number): void {
    if (code !== 0) this.failed += 1;
  }

  pass(name: string): void {
    process.stdout.write(`pass ${name}\n`);
  }

  fail(name: string, why: string): void {
    this.failed += 1;
    process.stdout.write(`fail ${name}: ${why.slice(-shownLengthMax)}\n`);
  }

  /** The client cannot be judged here. */
  skip(name: string, why: string): void {
    process.stdout.write(`skip ${name}: ${why}\n`);
  }

  /** The client wants what Millrace does not offer on purpose. */
  differs(name: string, why: string): void {
    process.stdout.write(`differs ${name}: ${why}\n`);
  }

  /** Passes when `hasAnswered` says so of the program's end. */
  judge(name: string, ended: Ended, hasAnswered = (end: Ended): boolean => end.code === 0): void {
    if (hasAnswered(ended)) this.pass(name);
    else this.fail(name, `exit code ${ended.code}, ${ended.output.trim().replaceAll("\n", " | ")}`);
  }
}

export interface Words {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program's lines are the report. */
  readonly isShown?: boolean;
  /** Ended after this; 300,000 unless told. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end; 127 when it cannot be started, 1 when a signal ended it. */
export async function run(words: Words): Promise<Ended> {
  const child = spawn(words.command, words.args, {
    stdio: words.isShown === true ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    timeout: words.timeoutMs ?? 300_000,
    env: { ...process.env, ...words.env },
    ...(words.cwd === undefined ? {} : { cwd: words.cwd }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-outputLengthMax);
    });
  }
  return await new Promise((done) => {
    child.once("error", (error) => done({ code: 127, output: error.message }));
    child.once("close", (code) => done({ code: code ?? 1, output }));
  });
}
