/**
 * The built client, as somebody who installed the package gets it.
 *
 * Types come from the sources; the code that runs is `dist`, so a test of this folder proves what
 * is published.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The folder of the package. */
export const clientFolder = resolve(import.meta.dirname, "..");

const main = join(clientFolder, "dist/index.js");
if (!existsSync(main)) throw new Error("the client is not built: run `npm run build` first");

const built = (await import(pathToFileURL(main).href)) as typeof import("../src/index.ts");

export const { createClient, MillraceError } = built;
export type MillraceError = InstanceType<typeof MillraceError>;
