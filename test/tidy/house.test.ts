// Goal: rooms stand on floors, imports point down, and nothing lies around unused.
// Method: the import statements of every source file against the table of floors.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { floorOf, roomOf } from "./floors.ts";
import { readSources, root, type SourceFile } from "./source-files.ts";

const sources = readSources("src");
const isTest = (path: string): boolean => path.endsWith(".test.ts");
const product = sources.filter((file) => !isTest(file.path));
/** Files that are started by path. */
const entrances = new Set([
  "src/app/main.ts",
  "src/app/fronts/main.ts",
  "src/engine/worker/main.ts",
  "src/doors/rest/offload/main.ts",
]);

function pairs(files: readonly SourceFile[]): { from: string; to: string }[] {
  return files.flatMap((file) => file.imports.map((to) => ({ from: file.path, to })));
}

test("every import names a file that exists", () => {
  const missing = pairs(sources).filter(({ to }) => !existsSync(join(root, to)));
  expect(missing).toEqual([]);
});

test("every source file belongs to a room", () => {
  const homeless = product.filter((file) => roomOf(file.path) === "");
  expect(homeless.map((file) => file.path)).toEqual([]);
});

test("imports between rooms point to a lower floor and only at its index", () => {
  const wrong = pairs(sources).filter(({ from, to }) => {
    const [mine, theirs] = [roomOf(from), roomOf(to)];
    if (theirs === "") return to.startsWith("src/");
    if (mine === theirs) return false;
    const isDeep = to !== `src/${theirs}/index.ts`;
    return isDeep || !(floorOf(theirs) < floorOf(mine));
  });
  expect(wrong).toEqual([]);
});

test("the sources import nothing from tests or tools", () => {
  const outside = pairs(product).filter(({ to }) => !to.startsWith("src/"));
  expect(outside).toEqual([]);
});

test("the server never imports the worker's folder: it is started by path", () => {
  const wrong = pairs(product).filter(
    ({ from, to }) => to.startsWith("src/engine/worker/") && !from.startsWith("src/engine/worker/"),
  );
  expect(wrong).toEqual([]);
});

test("there is no cycle", () => {
  const next = new Map(product.map((file) => [file.path, file.imports]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen !== -1) cycles.push([...trail.slice(seen), path].join(" -> "));
    if (seen !== -1 || done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const file of product) visit(file.path, []);
  expect(cycles).toEqual([]);
});

test("every entrance is a file, and so is what package.json starts", () => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { bin, exports } = manifest as { bin: Record<string, string>; exports?: unknown };
  const missing = [...entrances, ...Object.values(bin)].filter((at) => !existsSync(join(root, at)));
  expect(missing).toEqual([]);
  // Nothing is offered to importers: an entry needs a source, to be checked as above.
  expect(exports).toBeUndefined();
});

test("every source file is imported by some other source file", () => {
  const used = new Set(pairs(product).map(({ to }) => to));
  const unused = product.filter((file) => !used.has(file.path) && !entrances.has(file.path));
  expect(unused.map((file) => file.path)).toEqual([]);
});
