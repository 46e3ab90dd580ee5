/**
 * `millrace inspect`: what is known about a model, without running it.
 */
import { escapeControls } from "../../observe/index.ts";
import { exitCodes, print, say } from "../terminal.ts";
import { packageJson, packageTable } from "./inspect-words.ts";
import { readPackages } from "./read-packages.ts";

export interface InspectFlags {
  readonly json?: boolean;
}

/** Prints every version behind a path; the exit code is 1 when one of them is refused. */
export async function inspect(path: string, flags: InspectFlags): Promise<void> {
  const { packages, refused } = await readPackages(path);
  if (flags.json === true) {
    print(JSON.stringify({ models: packages.map(packageJson), refused }, undefined, 2));
  } else {
    for (const pack of packages) print(`${packageTable(pack)}\n`);
    for (const each of refused) say(`refused '${each.name}': ${escapeControls(each.reason)}`);
  }
  if (refused.length > 0) process.exitCode = exitCodes.failed;
}
