/**
 * The versions in the folder of one model, native (`1.2.0/`, `3/`) or Triton's (`config.pbtxt`).
 *
 * All versions of a native folder are served. A `config.pbtxt` chooses by its version policy, which
 * is Triton's own when it says none: the latest one. Folders without versions but with Triton's
 * numbering and no manifest count as native: nothing says that a version should not be served. An
 * `aliases.yaml` beside the versions names some of them.
 */
import { join } from "node:path";
import { quote, ServingError } from "../../base/index.ts";
import { withPackageFile } from "../onnx/check/package-file.ts";
import type { ModelAlias } from "./aliases/alias.ts";
import { aliasFile, readAliases } from "./aliases/read-aliases.ts";
import { isIntegerVersion } from "./identity.ts";
import { artifactOf, hasFile, manifestFile, noPackageText, versionFolders } from "./layout.ts";
import { type FolderEntry, listFolder } from "./list-folder.ts";
import type {
  Discovery,
  PackageLocation,
  RefusedPackage,
  TritonPlace,
} from "./package-location.ts";
import {
  configBytesMax,
  configFile,
  readTritonConfig,
  type VersionPolicy,
} from "./triton/read-config.ts";
import { compareVersions } from "./version-order.ts";

/** Versions of one model at most. */
const versionsMax = 1_000;

export interface ModelFolder {
  /** An allowed model name. */
  readonly name: string;
  /** Absolute path without links. */
  readonly folder: string;
}

/** What is in the folder; never throws for what one version does wrong. */
export async function membersOfModel(model: ModelFolder): Promise<Discovery> {
  const { name, folder } = model;
  const whole = (reason: string): Discovery => {
    return { packages: [], refused: [{ name, version: undefined, reason }], aliases: [] };
  };
  try {
    const entries = await listFolder(folder, `the folder of model ${quote(name)}`);
    const triton = hasFile(entries, configFile) ? await tritonPlace(folder) : undefined;
    const found = versionFolders(entries).filter(
      (each) => triton === undefined || isIntegerVersion(each.name),
    );
    if (found.length === 0) {
      return whole(
        triton === undefined
          ? `${noPackageText(entries)}, or folders named by version (1.0.0, 3)`
          : `no version: expected a folder named by a whole number beside ${configFile}`,
      );
    }
    if (found.length > versionsMax) {
      return whole(`${found.length} versions, expected at most ${versionsMax}`);
    }
    const chosen = chosenVersions(found, triton);
    if (chosen.length === 0) return whole(`version_policy in ${configFile} chooses no version`);
    const versions = chosen.map((each) => each.name);
    const hasAliases = hasFile(entries, aliasFile);
    const aliases = hasAliases ? await readAliases({ model: name, folder, versions }) : [];
    return await membersOf({ ...model, triton, aliases }, chosen);
  } catch (thrown) {
    if (ServingError.is(thrown)) return whole(thrown.message);
    throw thrown;
  }
}

interface OpenModel extends ModelFolder {
  readonly triton: TritonPlace | undefined;
  readonly aliases: readonly ModelAlias[];
}

async function membersOf(model: OpenModel, versions: readonly FolderEntry[]): Promise<Discovery> {
  const packages: PackageLocation[] = [];
  const refused: RefusedPackage[] = [];
  for (const version of versions) {
    const member = await memberOf(model, version);
    if (typeof member !== "string") packages.push(member);
    else refused.push({ name: model.name, version: version.name, reason: member });
  }
  return { packages, refused, aliases: model.aliases };
}

/** The version's place, or why it has none. */
async function memberOf(model: OpenModel, version: FolderEntry): Promise<PackageLocation | string> {
  const { name, folder, triton } = model;
  const title = `version folder ${quote(version.name)}`;
  if (version.kind === "linked folder") return `${title} is a symbolic link: put the folder itself`;
  let entries: readonly FolderEntry[];
  try {
    entries = await listFolder(join(folder, version.name), title);
  } catch (thrown) {
    return ServingError.from(thrown).message;
  }
  const named = triton?.config.artifact;
  const artifact = named !== undefined && named !== "" ? named : artifactOf(entries);
  const hasManifest = hasFile(entries, manifestFile);
  if (artifact === undefined && !hasManifest) return `${title} ${noPackageText(entries)}`;
  const isTriton = triton !== undefined;
  return {
    name,
    version: version.name,
    layout: isTriton ? "triton" : "repository",
    folder: join(folder, version.name),
    artifact,
    hasManifest,
    triton,
    isNameFixed: true,
    isVersionFixed: true,
    isRequired: false,
  };
}

async function tritonPlace(modelFolder: string): Promise<TritonPlace> {
  const place = {
    folder: modelFolder,
    location: configFile,
    title: configFile,
    isLinkAllowed: true,
  };
  const bytes = await withPackageFile(place, async (file) => {
    if (file.bytes > configBytesMax) throw tooLarge(file.bytes);
    return await file.handle.readFile();
  });
  return { modelFolder, config: readTritonConfig(bytes), bytes };
}

function tooLarge(bytes: number): ServingError {
  const message = `${configFile}: ${bytes} bytes, expected at most ${configBytesMax}`;
  return new ServingError("MODEL_INVALID", message);
}

/** The versions that are served, from the lowest up. */
function chosenVersions(
  found: readonly FolderEntry[],
  triton: TritonPlace | undefined,
): readonly FolderEntry[] {
  const ascending = found.toSorted((a, b) => compareVersions(a.name, b.name));
  const policy: VersionPolicy = triton?.config.versionPolicy ?? { kind: "all" };
  switch (policy.kind) {
    case "all":
      return ascending;
    case "latest":
      return ascending.slice(-policy.count);
    case "specific":
      return ascending.filter((each) => policy.versions.includes(each.name));
  }
}
