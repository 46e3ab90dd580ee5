// Goal: a worker that cannot be started leaves no file descriptor and no folder behind, so that a
// server that ran out of descriptors starts its workers again once there are some.
// Method: a process that may have few descriptors and has a few left, from none up to enough.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const spawnUrl = new URL("./spawn.ts", import.meta.url).href;

/** Prints for each number of free descriptors what came of a start and how many are free then. */
const script = `
import { closeSync, openSync } from "node:fs";
const { spawnWorker } = await import("${spawnUrl}");
const held = [];
function fill() {
  let count = 0;
  try {
    for (;;) { held.push(openSync("/dev/null", "r")); count += 1; }
  } catch { return count; }
}
fill();
for (const turn of [1, 2]) {
  for (let free = 0; free < 40; free += 1) {
    for (let count = 0; count < free; count += 1) closeSync(held.pop());
    let words = "";
    try {
      const { child, socket } = spawnWorker(process.env, process.argv[1] === "fronts");
      socket.on("error", () => {});
      child.kill("SIGKILL");
      await new Promise((done) => child.once("close", done));
    } catch (thrown) { words = thrown.message; }
    await new Promise((done) => setTimeout(done, 5));
    const left = fill();
    console.log(JSON.stringify({ turn, free, words, left }));
    if (words === "") break;
  }
}
process.exit(0);
`;

interface Line {
  readonly turn: number;
  readonly free: number;
  readonly words: string;
  readonly left: number;
}

test.runIf(process.platform === "linux").each(["one", "fronts"])(
  "a start for which descriptors are missing leaves none open (%s)",
  (fronts) => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-spawn-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const node = [process.execPath, "--input-type=module", "-e", script, fronts];
    const words = ["-c", 'ulimit -n 96 && exec "$@"', "sh", ...node];
    const env = { ...process.env, TMPDIR: folder };
    const text = execFileSync("/bin/sh", words, { encoding: "utf8", env, timeout: 60_000 });
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    // With the first start Node opens a few of its own, for good.
    const second = lines.filter(({ turn }) => turn === 2);
    const failed = second.filter((line) => line.words !== "");
    expect(failed.length).toBeGreaterThan(4);
    for (const line of failed) expect(line, text).toMatchObject({ left: line.free });
    expect(second.at(-1)).toMatchObject({ words: "" });
    expect(failed.at(-1)?.words).toBe("too few file descriptors are free to start a process");
    expect(readdirSync(folder).length).toBeLessThanOrEqual(2);
  },
  90_000,
);
