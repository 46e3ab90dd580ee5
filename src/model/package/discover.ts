/**
 * Finds the packages behind the paths that an operator names.
 *
 * A path is a model file, the folder of one version, the folder of one model (versions below it),
 * or a repository of models, native or Triton's. What was named itself must load (`isRequired`); a
 * member of a repository may fail alone and is then listed with its reason. Nothing is read here
 * but names and `config.pbtxt`. Links below the named path are refused, because what they point to
 * is not the repository's; the named path itself may be one, it is the operator's own word.
 */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { quote, ServingError } from "../../base/index.ts";
import { isModelName, isVersion, nameLengthMax, nameOfText, namePattern } from "./identity.ts";
import {
  artifactOf,
  folderKind,
  hasFile,
  isModelFile,
  manifestFile,
  noPackageText,
} from "./layout.ts";
import { type FolderEntry, listFolder } from "./list-folder.ts";
import { membersOfModel } from "./model-folder.ts";
import type { Discovery, PackageLocation } from "./package-location.ts";

/** Version of what says none. */
const firstVersion = "1.0.0";

export interface DiscoverOptions {
  /** Name of the only model, instead of the file's or folder's. */
  readonly name: string | undefined;
  /** A folder with nothing in it is a repository that is filled later. */
  readonly mayBeEmpty?: boolean;
}

/**
 * The packages of all paths, by path, then by model name, then from the lowest version up.
 *
 * @throws MODEL_INVALID a path holds no model, a name does not fit, or two packages are the same
 */
export async function discoverPackages(
  paths: readonly string[],
  options: DiscoverOptions,
): Promise<Discovery> {
  if (options.name !== undefined && !isModelName(options.name)) {
    const message = `--name: got ${quote(options.name)}, expected the form ${namePattern}`;
    throw new ServingError("MODEL_INVALID", message);
  }
  const found: Discovery[] = [];
  for (const path of paths) found.push(await discoverPath(path, options.mayBeEmpty === true));
  const all = joined(found);
  return options.name === undefined ? refuseTwins(all) : renamed(all, options.name);
}

function joined(found: readonly Discovery[]): Discovery {
  return {
    packages: found.flatMap((each) => each.packages),
    refused: found.flatMap((each) => each.refused),
    aliases: found.flatMap((each) => each.aliases),
  };
}

/** A package that stands for itself. */
function only(location: PackageLocation): Discovery {
  return { packages: [location], refused: [], aliases: [] };
}

/** A model of which nothing can be served. */
function refusedWhole(name: string, reason: string): Discovery {
  return { packages: [], refused: [{ name, version: undefined, reason }], aliases: [] };
}

const nothing: Discovery = { packages: [], refused: [], aliases: [] };

async function discoverPath(path: string, mayBeEmpty: boolean): Promise<Discovery> {
  const title = quotePath(path);
  const real = await realpath(resolve(path)).catch((cause: unknown) => {
    const wanted = "expected a .onnx or .ort file, a package folder or a model repository";
    const message = `${title} does not exist: ${wanted}`;
    throw new ServingError("MODEL_INVALID", message, { cause });
  });
  const isFolder = (await stat(real)).isDirectory();
  if (!isFolder) return await discoverFile(resolve(path), real, title);
  const entries = await listFolder(real, title);
  switch (folderKind(entries)) {
    case "package":
      return only(packageAt(resolve(path), real, entries));
    case "model":
      return await discoverModel(resolve(path), real, title);
    case "repository":
      return await discoverRepository(real, entries, title);
    case "nothing":
      if (mayBeEmpty && entries.length === 0) return nothing;
      throw new ServingError("MODEL_INVALID", `${title} ${noPackageText(entries)}`);
  }
}

/** A bare file; a `model.onnx` beside a manifest stands for its package. */
async function discoverFile(path: string, real: string, title: string): Promise<Discovery> {
  if (!isModelFile(basename(path))) {
    const message = `${title} is not a model: expected a .onnx or .ort file, or a folder`;
    throw new ServingError("MODEL_INVALID", message);
  }
  const folder = dirname(real);
  const isPlain = real === path;
  const beside = isPlain && basename(real) === "model.onnx" ? await listBeside(folder) : [];
  if (hasFile(beside, manifestFile)) {
    return only(packageAt(dirname(path), folder, beside));
  }
  const file = basename(path);
  const isGeneric = file === "model.onnx" || file === "model.ort";
  const place = isGeneric
    ? identityOfFolder(dirname(path))
    : { name: nameOfText(file.slice(0, file.lastIndexOf("."))), version: firstVersion };
  const location: PackageLocation = {
    ...place,
    layout: "file",
    folder,
    artifact: basename(real),
    hasManifest: false,
    triton: undefined,
    isNameFixed: false,
    isVersionFixed: false,
    isRequired: true,
  };
  return only(location);
}

/** A folder too large to list has no manifest that anybody means. */
async function listBeside(folder: string): Promise<readonly FolderEntry[]> {
  return await listFolder(folder, "the model's folder").catch(() => []);
}

function packageAt(path: string, folder: string, entries: readonly FolderEntry[]): PackageLocation {
  return {
    ...identityOfFolder(path),
    layout: "package",
    folder,
    artifact: artifactOf(entries),
    hasManifest: hasFile(entries, manifestFile),
    triton: undefined,
    isNameFixed: false,
    isVersionFixed: false,
    isRequired: true,
  };
}

/** `churn/1.2.0` is version 1.2.0 of churn; any other folder is version 1.0.0 of its own name. */
function identityOfFolder(path: string): { readonly name: string; readonly version: string } {
  const own = basename(path);
  const above = basename(dirname(path));
  if (isVersion(own) && above !== "") return { name: nameOfText(above), version: own };
  return { name: nameOfText(own === "" ? "model" : own), version: firstVersion };
}

async function discoverModel(path: string, folder: string, title: string): Promise<Discovery> {
  const found = await membersOfModel({ name: nameOfText(basename(path)), folder });
  if (found.packages.length > 0) {
    return { ...found, packages: found.packages.map((each) => ({ ...each, isRequired: true })) };
  }
  const reason = found.refused[0]?.reason ?? "holds no version";
  throw new ServingError("MODEL_INVALID", `${title}: ${reason}`);
}

async function discoverRepository(
  root: string,
  entries: readonly FolderEntry[],
  title: string,
): Promise<Discovery> {
  const members: Discovery[] = [];
  for (const entry of entries) {
    if (entry.kind !== "folder" && entry.kind !== "linked folder") continue;
    members.push(await discoverMember(root, entry));
  }
  const found = joined(members);
  if (found.packages.length > 0) return found;
  const wanted = "name/model.onnx, name/1.0.0/model.onnx or name/1/model.onnx";
  const first = found.refused[0];
  const reason = first === undefined ? "" : ` (${first.name}: ${first.reason})`;
  const message = `${title} holds no model: looked for ${wanted}${reason}`;
  throw new ServingError("MODEL_INVALID", message);
}

async function discoverMember(root: string, entry: FolderEntry): Promise<Discovery> {
  const name = nameOfText(entry.name);
  const folder = join(root, entry.name);
  if (entry.kind === "linked folder") {
    const reason = "the folder is a symbolic link: put the folder itself into the repository";
    return refusedWhole(name, reason);
  }
  try {
    const entries = await listFolder(folder, `folder ${quote(entry.name)}`);
    if (folderKind(entries) === "package") {
      const found = { ...packageAt(folder, folder, entries), name, version: firstVersion };
      const member = {
        ...found,
        layout: "repository",
        isNameFixed: true,
        isRequired: false,
      } as const;
      return only(member);
    }
    return await membersOfModel({ name, folder });
  } catch (thrown) {
    return refusedWhole(name, ServingError.from(thrown).message);
  }
}

/** `--name` renames one model; with several it would not be clear which. */
function renamed(found: Discovery, name: string): Discovery {
  const names = new Set(found.packages.map((each) => each.name));
  if (names.size === 1) {
    const packages = found.packages.map((each) => ({ ...each, name, isNameFixed: true }));
    const aliases = found.aliases.map((each) => ({ ...each, model: name }));
    return { packages, refused: found.refused, aliases };
  }
  const message = `--name ${quote(name)}: expected one model, got ${names.size}`;
  throw new ServingError("MODEL_INVALID", message);
}

/** Two folders may end on the same name and version; the first stays. */
function refuseTwins({ packages, refused, aliases }: Discovery): Discovery {
  const seen = new Set<string>();
  const kept: PackageLocation[] = [];
  const all = [...refused];
  for (const each of packages) {
    const { name, version } = each;
    const key = `${name}/${version}`;
    if (!seen.has(key)) {
      seen.add(key);
      kept.push(each);
      continue;
    }
    const reason = `another package is already version ${version} of ${quote(name)}`;
    if (each.isRequired) throw new ServingError("MODEL_INVALID", reason);
    all.push({ name, version, reason });
  }
  return { packages: kept, refused: all, aliases };
}

/** A path as the operator typed it, short enough for a line. */
function quotePath(path: string): string {
  const cut = path.length - nameLengthMax;
  return cut > 0 ? `'...${path.slice(cut)}'` : `'${path}'`;
}
