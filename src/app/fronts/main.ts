/**
 * Entrance of a front that is not the primary: started by path, with a channel to the primary.
 *
 * It boots while the primary loads the models and waits for its order. Signals are for the primary:
 * it says when this process ends. When the primary is gone, nobody is left to serve for.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheFolderOf } from "../cache-folder.ts";
import type { ToFront } from "./messages.ts";

process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit(0));
process.stderr.on("error", () => {});

enableCompileCache(join(cacheFolderOf(process.env["MILLRACE_CACHE_FOLDER"] ?? ""), "code"));
const { Front } = await import("./front.ts");

let front: InstanceType<typeof Front> | undefined;
process.on("message", (message: ToFront) => {
  if (message.kind === "open") {
    front = new Front(message.order, (word) => process.send?.(word));
    void front.open();
  } else if (front !== undefined) front.take(message);
  else if (message.kind === "end") process.exit(0);
});
