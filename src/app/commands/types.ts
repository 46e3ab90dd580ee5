/**
 * `millrace types`: a declaration of models for the TypeScript client.
 *
 * The models come from a path, as for `inspect`, or from a running server. Of several versions of a
 * model the highest is described, which is the one that callers get.
 */
import { writeFile } from "node:fs/promises";
import { escapeControls } from "../../observe/index.ts";
import { CommandError, exitCodes, print, say } from "../terminal.ts";
import { readPackages } from "./read-packages.ts";
import { askServer } from "./types/ask-server.ts";
import { writeDeclaration } from "./types/declaration.ts";
import { type ModelShape, shapeOfPackage } from "./types/model-shape.ts";

export interface TypesFlags {
  readonly out?: string;
}

/** Writes the declaration to stdout or to `flags.out`; exit code 1 when a model is left out. */
export async function types(source: string, flags: TypesFlags): Promise<void> {
  const isAddress = source.startsWith("http://") || source.startsWith("https://");
  const shapes = isAddress ? await shapesOfServer(source) : await shapesOfPath(source);
  if (shapes.length === 0) throw new CommandError(`${source} has no model that can be described`);
  const text = writeDeclaration(shapes);
  if (flags.out === undefined) {
    print(text.trimEnd());
    return;
  }
  await writeFile(flags.out, text).catch((thrown: unknown) => {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new CommandError(`cannot write the declaration: ${reason}`);
  });
  const names = shapes.map(({ name, version }) => `${name} ${version}`).join(", ");
  say(`wrote ${flags.out}: ${names}`);
}

async function shapesOfServer(address: string): Promise<readonly ModelShape[]> {
  const { shapes, unloaded } = await askServer(address);
  for (const name of unloaded) leaveOut(name, "it is not loaded");
  return shapes;
}

async function shapesOfPath(path: string): Promise<readonly ModelShape[]> {
  const { packages, refused } = await readPackages(path);
  for (const { name, reason } of refused) leaveOut(name, reason);
  // Packages come from the lowest version up, so the highest of a name is kept.
  const highest = new Map(packages.map((pack) => [pack.name, shapeOfPackage(pack)]));
  return [...highest.values()];
}

function leaveOut(name: string, reason: string): void {
  say(`left out '${name}': ${escapeControls(reason)}`);
  process.exitCode = exitCodes.failed;
}
