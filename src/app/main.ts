/**
 * Entrance of the `millrace` command.
 *
 * Compiled code is kept between starts, and that has to be switched on before the rest is imported.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheFolderOf } from "./cache-folder.ts";

enableCompileCache(join(cacheFolderOf(process.env["MILLRACE_CACHE_FOLDER"] ?? ""), "code"));
const { runCommand } = await import("./run-command.ts");
await runCommand(process.argv.slice(2));
