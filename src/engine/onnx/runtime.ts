/**
 * The one file that knows how ONNX Runtime is loaded.
 *
 * onnxruntime-node 1.30.0 decides at its first Tensor which typed array holds float16. Where the
 * platform has a `Float16Array` it picks that, and its native part then fails ("not enough space:
 * expected 4, got 0"). So the global is hidden while the package loads and builds one tensor, and
 * put back; float16 then travels as bit patterns in a Uint16Array. A test fails when this is no
 * longer needed. Loading is lazy and synchronous: nobody sees the moment without the global.
 *
 * The engine's builds for Linux and macOS report to their maker since 1.29 (model names and hashes,
 * devices, run times; a device id and a queue in the home folder) unless the environment says no
 * before the library starts. Nothing leaves a Millrace that its operator did not send, so it is
 * always said.
 */
import { createRequire } from "node:module";
import type * as Ort from "onnxruntime-node";

export type OrtModule = typeof Ort;

let loaded: OrtModule | undefined;

/** ONNX Runtime; loaded on first use (about 20 ms). */
export function onnxRuntime(): OrtModule {
  loaded ??= withoutFloat16Array(() => {
    process.env["ORT_DISABLE_TELEMETRY"] = "1";
    const ort = createRequire(import.meta.url)("onnxruntime-node") as OrtModule;
    new ort.Tensor("float32", new Float32Array(1), [1]);
    return ort;
  });
  return loaded;
}

function withoutFloat16Array<T>(act: () => T): T {
  const hidden = Object.getOwnPropertyDescriptor(globalThis, "Float16Array");
  if (hidden === undefined) return act();
  Reflect.deleteProperty(globalThis, "Float16Array");
  try {
    return act();
  } finally {
    Object.defineProperty(globalThis, "Float16Array", hidden);
  }
}
