// Goal: causes reach the log and only there, levels follow the table, text moves no cursor.
// Method: lines are collected instead of written.
import { expect, test } from "vitest";
import { ServingError } from "../base/index.ts";
import { createLog, type LogFormat, type LogLevel } from "./log.ts";

function collect(level: LogLevel, format: LogFormat = "json") {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format, write: (line) => lines.push(line) }) };
}

test("a line is one JSON object with level, time and message", () => {
  const { lines, log } = collect("info");
  log.info("ready", { model: "churn", load_ms: 12 });
  const line: unknown = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({ level: "info", message: "ready", model: "churn", load_ms: 12 });
  expect(lines[0]?.endsWith("\n")).toBe(true);
});

test("a failed request is logged at the level of its code", () => {
  const { lines, log } = collect("warn");
  log.requestFailed(new ServingError("INVALID_INPUT", "age: expected a number"), {});
  expect(lines).toEqual([]);
  const cause = new Error("onnx said no", { cause: new TypeError("deep") });
  log.requestFailed(new ServingError("WORKER_LOST", "the worker died", { cause }), {
    request_id: "r-1",
  });
  const line: unknown = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({ level: "warn", code: "WORKER_LOST", request_id: "r-1" });
  expect(lines[0]).toContain("onnx said no");
  expect(lines[0]).toContain("caused by: TypeError: deep");
});

test("a huge cause is cut", () => {
  const { lines, log } = collect("info");
  log.error("broken", { err: "x".repeat(100_000) });
  expect(lines[0]?.length).toBeLessThan(10_000);
});

test("text lines have colours on a terminal only", () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  for (const hasColours of [true, false, undefined]) {
    const own = hasColours === undefined ? {} : { hasColours };
    createLog({ level: "info", format: "text", write, ...own }).info("ready");
  }
  expect(lines[0]).toContain(" \u001b[32minfo \u001b[0m ready\n");
  expect(lines[1]).toContain(" info  ready\n");
  const isTerminal = process.stderr.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
  expect(lines[2]?.includes("\u001b")).toBe(isTerminal);
});

test("text lines show values and escape what could move the cursor", () => {
  const { lines, log } = collect("info", "text");
  log.warn("queue is full", { model: "churn", path: "/a\u001b[2Jb", err: new Error("why\nhow") });
  expect(lines[0]).toContain("queue is full  model=churn");
  expect(lines[0]).not.toContain("\u001b[2J");
  expect(lines[0]).toContain("    Error: why\n    how\n");
});
