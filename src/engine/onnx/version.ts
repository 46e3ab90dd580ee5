/**
 * The engine's name and version, read without loading it: the front needs the words and must not
 * pay for the library.
 */
import { createRequire } from "node:module";

let known: string | undefined;

/** For example `onnxruntime-node 1.30.0`; what passed a trial under another one is tried again. */
export function engineVersion(): string {
  known ??= read();
  return known;
}

function read(): string {
  const described: unknown = createRequire(import.meta.url)("onnxruntime-node/package.json");
  const isObject = typeof described === "object" && described !== null;
  if (!isObject || !("version" in described)) throw new Error("onnxruntime-node has no version");
  return `onnxruntime-node ${String(described.version)}`;
}
