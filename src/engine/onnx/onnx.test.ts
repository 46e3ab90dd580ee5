// Goal: the engine's faults are sorted without telling where files lie, and the work-round
// is still needed. Method: the engine's own texts, and a child process without the work-round.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { identity } from "../../../tools/onnx/models.ts";
import { ServingError } from "../../base/index.ts";
import { loadFailure, runFailure } from "./failure.ts";

describe("a load that fails", () => {
  const said = (text: string) => loadFailure(new Error(text)).message;

  test("says what to do, in our words", () => {
    expect(said("Unsupported data type: 16")).toContain("bfloat16 or float8");
    expect(said("Failed to construct locale with name:en_US.UTF-8")).toContain("LOCPATH");
    expect(said("Load model from /a/b.onnx failed:Protobuf parsing failed.")).toContain("damaged");
    expect(said("com.acme:Magic(-1) is not a registered function/op")).toContain("operator");
  });

  test("is not judged by the words in its path", () => {
    const text =
      "Load model from /opset/external data.onnx failed:This is an invalid model. Type Error: T";
    expect(said(text)).toContain("contradict");
  });

  test("with words we do not know still tells no path", () => {
    const error = loadFailure(new Error("/srv/models/x.onnx did something"));
    expect(error.code).toBe("MODEL_LOAD_FAILED");
    expect(error.message).not.toContain("/");
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe("a run that fails", () => {
  test("is the input's fault, or memory's, or already sorted", () => {
    expect(runFailure(new Error("Got invalid dimensions for input: x")).message).toContain("shape");
    expect(runFailure(new Error("anything")).code).toBe("INPUT_REJECTED_BY_MODEL");
    expect(runFailure("Failed to allocate memory").code).toBe("MEMORY_EXHAUSTED");
    const ours = new ServingError("MODEL_OUTPUT_INVALID", "m");
    expect(runFailure(ours)).toBe(ours);
  });
});

/** Runs `script` in a Node of its own, beside a model `float16.onnx`; gives what it printed. */
function runAlone(script: string): string {
  const home = mkdtempSync(join(tmpdir(), "millrace-onnx-test-"));
  try {
    const path = join(home, "script.cjs");
    writeFileSync(path, script);
    writeFileSync(join(home, "float16.onnx"), identity("FP16", ["n"]));
    const env = { HOME: home, ORT_DISABLE_TELEMETRY: "1" };
    return execFileSync(process.execPath, [path], { cwd: home, env, encoding: "utf8" }).trim();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const packagePath = JSON.stringify(
  join(import.meta.dirname, "../../../node_modules/onnxruntime-node"),
);

// When this fails, ONNX Runtime takes float16 as it is: remove `withoutFloat16Array`.
test("the work-round for float16 is still needed", () => {
  const script = `
    const { InferenceSession, Tensor } = require(${packagePath});
    async function tryWith(elements) {
      try {
        const session = await InferenceSession.create("float16.onnx");
        const { y } = await session.run({ x: new Tensor("float16", elements, [2]) });
        return Buffer.from(y.data.buffer, y.data.byteOffset, y.data.byteLength).toString("hex");
      } catch (thrown) {
        return "fails";
      }
    }
    (async () => {
      console.log(await tryWith(Uint16Array.of(0x3c00, 0x4000)));
      console.log(await tryWith(Float16Array.of(1, 2)));
    })();`;
  expect(runAlone(script).split("\n")).toEqual(["fails", "fails"]);
});
