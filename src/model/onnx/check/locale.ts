/**
 * Tells whether the C library could construct a locale, without asking it.
 *
 * The text operators of the engine construct a C++ locale at load and fail where it is missing, as
 * in every slim container. glibc looks into `LOCPATH`, else into the locale archive, and then under
 * /usr/lib/locale; the search here is the same. On other systems the answer is always yes: their
 * rules differ, and a wrong no would refuse a model that works.
 * @see https://sourceware.org/glibc/manual/latest/html_node/Locale-Names.html
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

const systemFolder = "/usr/lib/locale";
const archiveMagic = 0xde020109;
const archiveHeaderBytes = 56;
/** Largest table of names that is read, byte. */
const archiveNamesBytesMax = 16 * 1024 * 1024;
const builtIn = new Set(["C", "POSIX"]);

export interface LocalePlaces {
  readonly platform: string;
  /** The value of LOCPATH that the engine's process will have. */
  readonly locPath: string | undefined;
  readonly systemFolder: string;
}

/** The places of this machine for an engine that runs with `env`. */
export function localePlaces(env: Readonly<Record<string, string | undefined>>): LocalePlaces {
  return { platform: process.platform, locPath: env["LOCPATH"], systemFolder };
}

/** @param name `language_TERRITORY.codeset` */
export function hasLocale(name: string, places: LocalePlaces): boolean {
  if (places.platform !== "linux" || builtIn.has(name)) return true;
  const spellings = spellingsOf(name);
  if (spellings.length === 0) return false;
  const own = (places.locPath ?? "").split(":").filter((each) => each !== "");
  const inFolder = (folder: string) =>
    spellings.some((each) => existsSync(join(folder, each, "LC_CTYPE")));
  if ([...own, places.systemFolder].some(inFolder)) return true;
  if (own.length > 0) return false;
  const names = archiveNames(join(places.systemFolder, "locale-archive"));
  return spellings.some((each) => names.includes(`\0${each}\0`));
}

/** As written, and with the codeset as glibc files it: lower case without hyphens. */
function spellingsOf(name: string): readonly string[] {
  if (name === "" || name.includes("/") || name.includes("\0") || name.startsWith(".")) return [];
  const dot = name.indexOf(".");
  if (dot === -1) return [name];
  const codeset = name
    .slice(dot + 1)
    .toLowerCase()
    .replaceAll("-", "");
  return [name, `${name.slice(0, dot)}.${codeset}`];
}

/** The table of names of a locale archive, each between zero bytes; "" when there is none. */
function archiveNames(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    // No archive: nothing is installed in it.
    return "";
  }
  try {
    const header = Buffer.alloc(archiveHeaderBytes);
    const read = readSync(file, header, 0, archiveHeaderBytes, 0);
    if (read < archiveHeaderBytes || header.readUInt32LE(0) !== archiveMagic) return "";
    const offset = header.readUInt32LE(20);
    const length = Math.min(header.readUInt32LE(24), archiveNamesBytesMax);
    const names = Buffer.alloc(length);
    readSync(file, names, 0, length, offset);
    return `\0${names.toString("latin1")}\0`;
  } finally {
    closeSync(file);
  }
}
