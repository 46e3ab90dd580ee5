// Goal: the engine reports nothing to its maker. Method: a Node of its own with an empty home
// folder runs a model; what it has open then, and what lies in its home, once with our loading and
// once without: when that finds nothing either, the engine need no longer be switched off.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { identity } from "../../../tools/onnx/models.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-reports-"));
const model = join(folder, "model.onnx");
writeFileSync(model, identity("FP32", ["n"]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runtime = JSON.stringify(join(import.meta.dirname, "runtime.ts"));
const ours = `(await import(${runtime})).onnxRuntime()`;
const plain = `createRequire(${JSON.stringify(import.meta.filename)})("onnxruntime-node")`;

/** What the engine opened: sockets and files below the home folder, and files left there. */
function traces(load: string): { readonly opened: string[]; readonly left: string[] } {
  const home = mkdtempSync(join(folder, "home-"));
  const script = `
    import { createRequire } from "node:module";
    import { readdirSync, readlinkSync } from "node:fs";
    const open = () => readdirSync("/proc/self/fd").flatMap((fd) => {
      try { return [readlinkSync("/proc/self/fd/" + fd)]; } catch { return []; }
    }).filter((at) => at.startsWith("socket:") || at.startsWith(${JSON.stringify(home)}));
    const before = new Set(open());
    const ort = ${load};
    const session = await ort.InferenceSession.create(${JSON.stringify(model)});
    await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2), [2]) });
    console.log(JSON.stringify(open().filter((at) => !before.has(at))));`;
  const options = { cwd: folder, env: { HOME: home }, encoding: "utf8" } as const;
  const words = ["--input-type=module", "--eval", script];
  const stdio = ["ignore", "pipe", "ignore"] as const;
  const text = execFileSync(process.execPath, words, { ...options, stdio: [...stdio] });
  return { opened: JSON.parse(text.trim()), left: readdirSync(home) };
}

const isLinux = process.platform === "linux";

test.runIf(isLinux)("nothing is opened or left behind", () => {
  expect(traces(ours)).toEqual({ opened: [], left: [] });
});

test.runIf(isLinux)("the engine by itself opens a queue of reports: the switch is needed", () => {
  const { opened, left } = traces(plain);
  expect(opened).not.toEqual([]);
  expect(left).not.toEqual([]);
});
