/**
 * The files under `proto/` as one compiled descriptor set, written as a source file.
 *
 * The compiler is a development dependency with its binary inside; the server gets the result and
 * needs neither it nor the `.proto` files.
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { generatedBy } from "./page-parts.ts";

const root = resolve(import.meta.dirname, "../..");
const lineLength = 92;

/** `src/doors/grpc/generated/descriptors.ts` */
export function descriptorsFile(): string {
  const text = descriptorSet().toString("base64");
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += lineLength) {
    lines.push(`  "${text.slice(at, at + lineLength)}",`);
  }
  return `/**
 * ${generatedBy}
 *
 * The files of \`proto/\` as a FileDescriptorSet in base64, for reading messages and for
 * reflection. One file because it is one value.
 */
/** A FileDescriptorSet in base64. */
export const descriptorSetBase64 = [
${lines.join("\n")}
].join("");
`;
}

/** The files of `proto/` as a FileDescriptorSet. */
export function descriptorSet(): Buffer {
  const compiler = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");
  const words = ["build", "proto", "--exclude-source-info", "-o", "-"];
  return execFileSync(process.execPath, [compiler, ...words], { cwd: root, maxBuffer: 2 ** 24 });
}
