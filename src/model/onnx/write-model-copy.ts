/**
 * Keeps rewritten models in a cache folder, one sub-folder for each.
 *
 * A sub-folder is named by the package's digest and by its own content, so that neither another
 * package nor another release of the rewriting can meet it. It is filled under a name of its own
 * and comes into place by one rename: a half-written copy is never loaded, and two servers that
 * write at once end with the same files. Nothing is deleted here; a copy is as large as its model.
 */
import { createHash, randomUUID } from "node:crypto";
import { constants, copyFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface ModelCopy {
  readonly cacheFolder: string;
  /** File name of the model; no external file has it. */
  readonly name: string;
  /** The package's digest. */
  readonly digest: string;
  readonly bytes: Uint8Array;
  /** External data: absolute source, and place relative to the model. */
  readonly files: readonly { readonly location: string; readonly from: string }[];
}

/**
 * The absolute path of the copy, written unless it is there.
 *
 * @throws Error of the file system
 */
export async function writeModelCopy(copy: ModelCopy): Promise<string> {
  const content = createHash("sha256").update(copy.bytes).digest("hex");
  const folder = join(copy.cacheFolder, `${copy.digest.slice(0, 32)}-${content.slice(0, 16)}`);
  const path = join(folder, copy.name);
  if (await isThere(path, copy.bytes.byteLength)) return path;
  const unfinished = `${folder}.${randomUUID()}`;
  try {
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    for (const { location, from } of copy.files) {
      const to = join(unfinished, location);
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await copyFile(from, to, constants.COPYFILE_FICLONE);
    }
    await writeFile(join(unfinished, copy.name), copy.bytes, { mode: 0o600 });
    await rename(unfinished, folder);
  } catch (thrown) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process may have put the same copy in place meanwhile.
    if (!(await isThere(path, copy.bytes.byteLength))) throw thrown;
  }
  return path;
}

async function isThere(path: string, bytes: number): Promise<boolean> {
  try {
    return (await stat(path)).size === bytes;
  } catch {
    // Absent: the copy has to be written.
    return false;
  }
}
