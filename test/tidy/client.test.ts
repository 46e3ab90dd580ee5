// Goal: the client is a package of its own that runs in any runtime, and agrees with the server.
// Method: its imports and its package.json; its table of codes against the server's.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serverCodes } from "../../clients/typescript/src/error-codes.ts";
import { errorTable } from "../../src/base/index.ts";
import { readSources, root } from "./source-files.ts";

const folder = "clients/typescript";
const sources = readSources(`${folder}/src`).filter((file) => !file.path.endsWith(".test.ts"));

function packageOf(path: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(root, path), "utf8")) as Record<string, unknown>;
}

test("the client imports nothing but its own files, and node:http2 in the gRPC part", () => {
  const wrong = sources.flatMap(({ path, text, imports }) => {
    const outside = imports.filter((to) => !to.startsWith(`${folder}/src/`));
    const packages = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^."][^"]*)"/g)]
      .map(([, name]) => name ?? "")
      .filter((name) => !(name === "node:http2" && path.startsWith(`${folder}/src/grpc/`)));
    return [...outside, ...packages].map((to) => `${path}: ${to}`);
  });
  expect(wrong).toEqual([]);
});

test("nothing outside the gRPC part imports it, so no browser meets node:http2", () => {
  const wrong = sources.filter(
    ({ path, imports }) =>
      !path.startsWith(`${folder}/src/grpc/`) &&
      imports.some((to) => to.startsWith(`${folder}/src/grpc/`)),
  );
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("the imports of the client have no cycle", () => {
  const imports = new Map(sources.map((file) => [file.path, file.imports]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    if (done.has(path)) return;
    done.add(path);
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
  };
  for (const path of imports.keys()) visit(path, []);
  expect(cycles).toEqual([]);
});

test("the client has no dependency, and the server does not depend on it", () => {
  const client = packageOf(`${folder}/package.json`);
  const server = packageOf("package.json");
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"]) {
    expect(client).not.toHaveProperty(kind);
  }
  expect(client["version"]).toBe(server["version"]);
  expect(JSON.stringify(server["dependencies"])).not.toContain("@millrace/client");
  const wrong = readSources("src").filter((file) =>
    file.imports.some((to) => to.startsWith("clients/")),
  );
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("the client knows the server's codes and whether each may be tried again", () => {
  const wanted = Object.entries(errorTable).map(([code, row]) => [code, row.isRetryable]);
  expect(serverCodes).toEqual(Object.fromEntries(wanted));
});
