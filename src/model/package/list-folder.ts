/**
 * Lists a folder the way an untrusted folder must be listed: a stated number of entries, each with
 * its kind, links told apart from what they point to.
 */
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ServingError } from "../../base/index.ts";

/** Entries of one folder at most; more is a wrong folder. */
const entriesMaxDefault = 10_000;

export interface FolderEntry {
  readonly name: string;
  /** `linked folder` is a symbolic link to one; other links count as files, checked when opened. */
  readonly kind: "file" | "folder" | "linked folder" | "other";
}

/**
 * The entries by name, hidden ones (a leading dot) left out.
 *
 * @param title how messages call the folder
 * @param entriesMax entries that are let in, hidden ones not counted
 * @throws MODEL_INVALID when it cannot be read or holds too much
 */
export async function listFolder(
  path: string,
  title: string,
  entriesMax = entriesMaxDefault,
): Promise<readonly FolderEntry[]> {
  const entries: FolderEntry[] = [];
  try {
    for await (const entry of await opendir(path)) {
      if (entry.name.startsWith(".")) continue;
      if (entries.length > entriesMax) break;
      const isLink = entry.isSymbolicLink();
      const isFolder =
        entry.isDirectory() || (isLink && (await isFolderAt(join(path, entry.name))));
      if (isFolder) entries.push({ name: entry.name, kind: isLink ? "linked folder" : "folder" });
      else entries.push({ name: entry.name, kind: entry.isFile() || isLink ? "file" : "other" });
    }
  } catch (cause) {
    const message = `${title} cannot be read: check that it is a folder and its permissions`;
    throw new ServingError("MODEL_INVALID", message, { cause });
  }
  if (entries.length > entriesMax) {
    const message = `${title} holds more than ${entriesMax} entries: name a folder of models`;
    throw new ServingError("MODEL_INVALID", message);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** False also for a link that leads nowhere. */
async function isFolderAt(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}
