/**
 * Recognises what a folder is, from the names in it alone.
 *
 * - `package`: one version. It has a `model.yaml`, a `model.onnx`, or exactly one model file.
 * - `model`: one model. It has a `config.pbtxt` or folders named like versions.
 * - `repository`: anything else with folders in it; each is judged again.
 * A package wins over the others, because its files say more than its folders' names.
 */
import { isVersion } from "./identity.ts";
import type { FolderEntry } from "./list-folder.ts";
import { configFile } from "./triton/read-config.ts";

/** The manifest's name in a package. */
export const manifestFile = "model.yaml";

export type FolderKind = "package" | "model" | "repository" | "nothing";

export function folderKind(entries: readonly FolderEntry[]): FolderKind {
  if (hasFile(entries, manifestFile) || artifactOf(entries) !== undefined) return "package";
  if (hasFile(entries, configFile) || versionFolders(entries).length > 0) return "model";
  const isRepository = entries.some((each) => each.kind === "folder" || isLinkedFolder(each));
  return isRepository ? "repository" : "nothing";
}

/** True for a file that could be a model: `.onnx` or `.ort`. */
export function isModelFile(name: string): boolean {
  return name.endsWith(".onnx") || name.endsWith(".ort");
}

/** The model file of a package that does not name one; `undefined` when it is none or several. */
export function artifactOf(entries: readonly FolderEntry[]): string | undefined {
  if (hasFile(entries, "model.onnx")) return "model.onnx";
  const files = entries.filter((each) => each.kind === "file").map((each) => each.name);
  for (const suffix of [".onnx", ".ort"]) {
    const found = files.filter((name) => name.endsWith(suffix));
    if (found.length === 1) return found[0];
    if (found.length > 1) return undefined;
  }
  return undefined;
}

/** Folders, linked ones too, whose names are versions. */
export function versionFolders(entries: readonly FolderEntry[]): readonly FolderEntry[] {
  return entries.filter(
    (each) => (each.kind === "folder" || isLinkedFolder(each)) && isVersion(each.name),
  );
}

export function hasFile(entries: readonly FolderEntry[], name: string): boolean {
  return entries.some((each) => each.kind === "file" && each.name === name);
}

/** Why a folder is no package, with what would make it one. */
export function noPackageText(entries: readonly FolderEntry[]): string {
  const models = entries.filter((each) => each.kind === "file" && isModelFile(each.name));
  const wanted = `${manifestFile}, model.onnx or exactly one .onnx or .ort file`;
  if (models.length === 0) return `holds no model: expected ${wanted}`;
  return `holds ${models.length} model files: expected ${wanted}, or name the file itself`;
}

function isLinkedFolder(entry: FolderEntry): boolean {
  return entry.kind === "linked folder";
}
