/**
 * `npm run generate`: writes the reference pages, schemas and the example file from the schemas.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { generatedFiles } from "./pages.ts";

const root = resolve(import.meta.dirname, "../..");
for (const [path, content] of generatedFiles()) {
  const place = join(root, path);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, content);
  process.stdout.write(`${path}\n`);
}
