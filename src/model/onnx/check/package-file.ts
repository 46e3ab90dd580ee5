/**
 * Opens a file of a package the way an untrusted package must be opened.
 *
 * Regular files inside the folder with one name only: a link that leaves it, a hard link, a
 * device or a pipe can make the engine read what the package does not hold. The engine refuses
 * symbolic links itself but accepts hard links. The file is opened without following and without
 * blocking, and what was opened is what is checked.
 */
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ServingError } from "../../../base/index.ts";

export interface PackageFile {
  /** Absolute path without links. */
  readonly path: string;
  /** The same below the package's folder, with `/`. */
  readonly location: string;
  readonly bytes: number;
  readonly handle: FileHandle;
}

export interface PackagePlace {
  /** Absolute path of the package's folder. */
  readonly folder: string;
  /** Relative path in it, with `/`. */
  readonly location: string;
  /** How messages call the file. */
  readonly title: string;
  /** True lets in a symbolic link that stays in the folder, as in Kubernetes volumes. */
  readonly isLinkAllowed: boolean;
}

/**
 * Opens a file and hands it to `use`; closes it afterwards.
 *
 * @throws MODEL_INVALID when it is absent, outside, linked or not a regular file
 */
export async function withPackageFile<T>(
  place: PackagePlace,
  use: (file: PackageFile) => Promise<T>,
): Promise<T> {
  const found = await resolveInside(place);
  const handle = await openPlain(found.path, place);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw refusal(`${place.title} is not a regular file; put the file itself`);
    if (stat.nlink > 1) {
      throw refusal(
        `${place.title} is a hard link: ${stat.nlink} names share it; put a copy in its place`,
      );
    }
    return await use({ ...found, bytes: stat.size, handle });
  } finally {
    await handle.close();
  }
}

async function resolveInside(place: PackagePlace): Promise<Pick<PackageFile, "path" | "location">> {
  let path: string;
  let folder: string;
  try {
    folder = await realpath(place.folder);
    path = await realpath(join(folder, place.location));
  } catch (cause) {
    throw refusal(`${place.title} cannot be found; put it beside the model`, cause);
  }
  const location = relative(folder, path).replaceAll(sep, "/");
  const isInside = path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  const isPlain = path === join(folder, place.location);
  if (isInside && (isPlain || place.isLinkAllowed)) return { path, location };
  throw refusal(
    `${place.title} is a symbolic link${isInside ? "" : " that leaves the package's folder"}; ` +
      "put the file itself in its place",
  );
}

async function openPlain(path: string, place: PackagePlace): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (cause) {
    throw refusal(`${place.title} cannot be opened; check its kind and its permissions`, cause);
  }
}

function refusal(message: string, cause?: unknown): ServingError {
  return new ServingError("MODEL_INVALID", message, cause === undefined ? {} : { cause });
}
