/**
 * Reads the label files that a `config.pbtxt` names: one label a line, in the model's folder.
 *
 * They decide what a version answers, so they count for its digest together with the configuration.
 */
import { Buffer } from "node:buffer";
import { quote, ServingError } from "../../../base/index.ts";
import { withPackageFile } from "../../onnx/check/package-file.ts";
import type { TritonPlace } from "../package-location.ts";
import type { LabelLists } from "./apply-config.ts";

/** Size of one label file, and files of one model, at most. */
const labelBytesMax = 8 * 1024 * 1024;
const labelFilesMax = 64;

export interface ReadLabels {
  readonly lists: LabelLists;
  /** The configuration and all label files, for the digest. */
  readonly digested: Uint8Array;
}

/** @throws MODEL_INVALID when a file is absent, outside the folder, linked, too large or no text */
export async function readLabels(triton: TritonPlace): Promise<ReadLabels> {
  const lists = new Map<string, readonly string[]>();
  const parts: Uint8Array[] = [triton.bytes];
  for (const output of triton.config.outputs.slice(0, labelFilesMax)) {
    if (output.labelFile === undefined || output.labelFile === "") continue;
    const bytes = await readLabelFile(triton.modelFolder, output.labelFile);
    parts.push(bytes);
    lists.set(output.name, linesOf(bytes, output.labelFile));
  }
  return { lists, digested: Buffer.concat(parts) };
}

async function readLabelFile(folder: string, location: string): Promise<Uint8Array> {
  const title = `label file ${quote(location)}`;
  return await withPackageFile({ folder, location, title, isLinkAllowed: true }, async (file) => {
    if (file.bytes <= labelBytesMax) return await file.handle.readFile();
    const message = `${title}: ${file.bytes} bytes, expected at most ${labelBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  });
}

function linesOf(bytes: Uint8Array, file: string): readonly string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `label file ${quote(file)}: expected UTF-8 text`;
    throw new ServingError("MODEL_INVALID", message, { cause });
  }
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
