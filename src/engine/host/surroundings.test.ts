// Goal: what a worker may know, what its output may cost, and what is remembered of trials.
// Method: small examples, a fake clock, a temporary folder.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../base/index.ts";
import { engineVersion } from "../onnx/index.ts";
import { workerEnvironment } from "./environment.ts";
import { OutputLines } from "./output-lines.ts";
import { residentBytes, residentBytesIn } from "./process-memory.ts";
import { digestsIn, TrialMemory } from "./trial-memory.ts";

test("hands on named keys that are set, and nothing else", () => {
  const source = { LOCPATH: "/l", LANG: undefined, HOME: "/root", AWS_SECRET_ACCESS_KEY: "s" };
  expect(workerEnvironment(source)).toEqual({ LOCPATH: "/l" });
});

test("reads the resident size of a process where the system tells it", () => {
  expect(residentBytesIn("Name:\tnode\nVmRSS:\t  123 kB\nThreads: 1\n")).toBe(123 * 1024);
  expect(residentBytesIn("Name:\tnode\n")).toBeUndefined();
  expect(residentBytes(2 ** 30)).toBeUndefined();
});

describe("the output of a worker", () => {
  function listen() {
    const clock = new FakeClock();
    const lines: string[] = [];
    return { clock, lines, output: new OutputLines({ clock, onLine: (line) => lines.push(line) }) };
  }

  test("comes as whole lines", () => {
    const { lines, output } = listen();
    output.push("one\ntw");
    output.push("o\nthree");
    expect(lines).toEqual(["one", "two"]);
    expect(output.tail).toBe("one\ntwo\nthree");
  });

  test("is cut and counted when there is too much of it", () => {
    const { clock, lines, output } = listen();
    output.push(`${"x".repeat(5_000)}\n`);
    expect(lines[0]).toHaveLength(1_000);
    output.push("y\n".repeat(150));
    expect(lines).toHaveLength(100);
    clock.advance(10_000);
    output.push("z\n");
    expect(lines.slice(100)).toEqual(["(51 lines were dropped)", "z"]);
    output.push("no newline".repeat(10_000));
    expect(output.tail.length).toBeLessThan(10_000);
  });
});

describe("the memory of trials", () => {
  test("keeps what passed, oldest forgotten first, for this engine only", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-trials-"));
    try {
      const path = join(folder, "deeper", "trials.json");
      const memory = await TrialMemory.open(path);
      expect(memory.hasPassed("a")).toBe(false);
      await memory.notePassed("a");
      await memory.notePassed("b");
      const again = await TrialMemory.open(path);
      expect([again.hasPassed("a"), again.hasPassed("b")]).toEqual([true, true]);
      for (let count = 0; count < 999; count += 1) void again.notePassed(`d${count}`);
      await again.notePassed("last");
      expect([again.hasPassed("b"), again.hasPassed("d0"), again.hasPassed("d1")]).toEqual([
        false,
        true,
        true,
      ]);
      const text = await readFile(path, "utf8");
      expect(digestsIn(text, engineVersion())).toHaveLength(1_000);
      expect(digestsIn(text, "another engine")).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("is empty when the file is damaged, and a failed write is no fault", async () => {
    const folder = await mkdtemp(join(tmpdir(), "millrace-trials-"));
    try {
      const path = join(folder, "trials.json");
      for (const text of ["", "{", "null", "[]", '{"engine":1}', '{"digests":[1]}']) {
        await writeFile(path, text);
        expect((await TrialMemory.open(path)).hasPassed("1")).toBe(false);
      }
      const nowhere = await TrialMemory.open(join(path, "below-a-file"));
      await nowhere.notePassed("a");
      expect(nowhere.hasPassed("a")).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
