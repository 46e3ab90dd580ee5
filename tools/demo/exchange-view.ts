/**
 * Shows a request, its answer and the judgement on it, and counts what was wrong.
 */
import type { Reply } from "./client.ts";
import { bold, cut, cutMiddle, cyan, dim, green, pageColumns, red, say } from "./terminal.ts";

/** What is shown of one request. */
export interface Shown {
  /** `POST /predict?model=churn` */
  readonly line: string;
  readonly body: unknown;
  readonly reply: Reply;
  /** Text in place of the whole answer. */
  readonly answer?: string;
}

export class Show {
  /** Answers that were not the recorded ones. */
  wrong = 0;
  /** Answers that were looked at. */
  checked = 0;
  #step = 0;

  title(name: string, what: string): void {
    this.#step += 1;
    say();
    say(`${dim(`${this.#step}`)} ${bold(name)}  ${what}`);
  }

  exchange({ line, body, reply, answer }: Shown): void {
    const width = pageColumns() - 6;
    const [verb = "", path = ""] = line.split(" ");
    const took = `${reply.tookMs.toFixed(1)} ms`;
    say(`  ${cyan(verb)} ${path}  ${dim(`${reply.status}, ${took}`)}`);
    if (body !== undefined) say(`  ${dim(">")} ${cutMiddle(JSON.stringify(body), width)}`);
    for (const each of (answer ?? cutMiddle(reply.text, width)).split("\n")) {
      say(`  ${dim("<")} ${cut(each, width)}`);
    }
  }

  note(text: string): void {
    say(`  ${text}`);
  }

  /** Judges `count` answers: each entry of `differences` is one that was wrong. */
  judge(count: number, differences: readonly string[], what: string): void {
    this.checked += count;
    this.wrong += differences.length;
    if (differences.length === 0) say(`  ${green("ok")} ${what}`);
    for (const each of differences.slice(0, 5)) say(`  ${red("WRONG")} ${each}`);
    if (differences.length > 5) say(`  ${red("WRONG")} and ${differences.length - 5} more`);
  }
}
