/**
 * Remembers which digests passed their trial, so that a restart does not try them again.
 *
 * One small file that the caller names, in a folder that only we write. It holds for one version of
 * the engine: a new one tries everything afresh. A file that is missing, damaged or of another
 * version is an empty memory, never a fault, and a write that fails costs a trial and nothing else.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { engineVersion } from "../onnx/index.ts";

/** The oldest digest is forgotten beyond this. */
const digestsMax = 1_000;

export class TrialMemory {
  readonly #path: string;
  /** At most `digestsMax`, oldest first. */
  readonly #digests: Set<string>;
  #writing: Promise<void> = Promise.resolve();

  /** REQUIRES: `digests` came from `path`; use `open`. */
  constructor(path: string, digests: Iterable<string>) {
    this.#path = path;
    this.#digests = new Set(digests);
  }

  static async open(path: string): Promise<TrialMemory> {
    const text = await readFile(path, "utf8").catch(() => "");
    return new TrialMemory(path, digestsIn(text, engineVersion()));
  }

  hasPassed(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /** Keeps a digest; settles when it was written, or could not be. */
  notePassed(digest: string): Promise<void> {
    this.#digests.delete(digest);
    this.#digests.add(digest);
    for (const oldest of this.#digests) {
      if (this.#digests.size <= digestsMax) break;
      this.#digests.delete(oldest);
    }
    this.#writing = this.#writing.then(() => this.#write()).catch(() => {});
    return this.#writing;
  }

  async #write(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const beside = `${this.#path}.${process.pid}.new`;
    const content = { engine: engineVersion(), digests: [...this.#digests] };
    await writeFile(beside, `${JSON.stringify(content)}\n`);
    await rename(beside, this.#path);
  }
}

/** The digests that `text` holds for `engine`; none when it is not a memory of that engine. */
export function digestsIn(text: string, engine: string): string[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof content !== "object" || content === null) return [];
  if (!("engine" in content) || content.engine !== engine) return [];
  if (!("digests" in content) || !Array.isArray(content.digests)) return [];
  const digests = content.digests.filter((each): each is string => typeof each === "string");
  return digests.slice(-digestsMax);
}
