// Goal: the rules of CONTRIBUTING.md that a scanner can check hold in every source file.
// Method: text scans over the sources with comments and strings blanked.
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { functionsOf } from "./functions.ts";
import { listedRegexes } from "./regexes.ts";
import { readSources, root, type SourceFile } from "./source-files.ts";

const sources = [...readSources("src"), ...readSources("clients/typescript/src")];
const product = sources.filter((file) => !file.path.endsWith(".test.ts"));
const everything = [
  ...sources,
  ...readSources("test"),
  ...readSources("bench"),
  ...readSources("tools"),
  ...readSources("clients/typescript/test"),
];

const fileLinesMax = 500;
const fileLinesUnexplained = 300;
const lineColumnsMax = 100;
const functionLinesMax = 60;
const parametersMax = 3;
const exportsMax = 8;
const folderFilesMax = 15;

function offenders(files: readonly SourceFile[], rule: (file: SourceFile) => string[]): string[] {
  return files.flatMap((file) => rule(file).map((what) => `${file.path}: ${what}`));
}

test("no file is over 500 lines, and one over 300 says why in its opening comment", () => {
  const wrong = offenders(everything, ({ path, text }) => {
    const lines = text.split("\n").length - 1;
    if (lines > fileLinesMax) return [`${lines} lines`];
    if (path.endsWith(".test.ts")) return [];
    const opening = text.slice(0, text.indexOf("*/"));
    const isExplained = opening.includes("One file because");
    return lines > fileLinesUnexplained && !isExplained ? [`${lines} lines, not explained`] : [];
  });
  expect(wrong).toEqual([]);
});

test("no line is over 100 columns", () => {
  const wrong = offenders(everything, ({ text }) =>
    text
      .split("\n")
      .flatMap((line, index) => (line.length > lineColumnsMax ? [`line ${index + 1}`] : [])),
  );
  expect(wrong).toEqual([]);
});

test("no function is over 60 lines or takes more than three parameters", () => {
  const wrong = offenders(product, ({ code }) =>
    functionsOf(code).flatMap(({ name, lines, parameters }) => {
      if (lines > functionLinesMax) return [`${name} has ${lines} lines`];
      return parameters > parametersMax ? [`${name} takes ${parameters} parameters`] : [];
    }),
  );
  expect(wrong).toEqual([]);
});

test("no file exports more than eight things, but for an index", () => {
  const wrong = offenders(product, ({ path, code }) => {
    const count = code.split("\n").filter((line) => line.startsWith("export ")).length;
    return basename(path) !== "index.ts" && count > exportsMax ? [`${count} exports`] : [];
  });
  expect(wrong).toEqual([]);
});

test("no folder holds more than fifteen source files", () => {
  const folders = new Set(product.map((file) => dirname(file.path)));
  const wrong = [...folders].flatMap((folder) => {
    const names = readdirSync(join(root, folder));
    const count = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).length;
    return count > folderFilesMax ? [`${folder}: ${count} files`] : [];
  });
  expect(wrong).toEqual([]);
});

test("every source file opens with a comment that says what it decides", () => {
  const wrong = product.filter(
    (file) => !file.text.startsWith("/**") && !file.text.startsWith("#!"),
  );
  expect(wrong.map((file) => file.path)).toEqual([]);
});

test("no file, folder or type has a name that says nothing", () => {
  const words = ["util", "helper", "common", "misc", "shared", "manager", "data", "info"];
  const banned = new Set(words.flatMap((word) => [word, `${word}s`]));
  const wrong = offenders(product, ({ path, code }) => {
    const parts = path.replace(".ts", "").split(/[/.-]/);
    const names = [
      ...code.matchAll(/\b(?:class|interface|type|function|const)\s+([A-Za-z0-9_]+)/g),
    ];
    const prefixed = names.filter(([, name]) => /^I[A-Z][a-z]/.test(name ?? ""));
    const vague = names.filter(([, name]) => banned.has((name ?? "").toLowerCase()));
    const folder = parts.filter((part) => banned.has(part));
    return [...folder, ...prefixed.map(([all]) => all), ...vague.map(([all]) => all)];
  });
  expect(wrong).toEqual([]);
});

test("decisions take the clock and the random source as arguments", () => {
  const edges = new Set([
    "src/base/clock.ts",
    "src/base/random.ts",
    "clients/typescript/src/clock.ts",
  ]);
  const wrong = offenders(product, ({ path, code }) => {
    if (edges.has(path) || path.startsWith("src/app/") || path.startsWith("src/engine/worker/")) {
      return [];
    }
    const calls = code.match(/\b(?:Date\.now|Math\.random|setTimeout|setInterval)\b/g);
    return calls === null ? [] : [...new Set(calls)];
  });
  expect(wrong).toEqual([]);
});

test("nothing evaluates text, nothing casts twice, nothing prints but the command line", () => {
  const wrong = offenders(product, ({ path, code }) => {
    const found = code.match(/\beval\(|\bnew Function\b|\bas unknown as\b|v8\.deserialize/g) ?? [];
    const prints = path.startsWith("src/app/") ? [] : (code.match(/\bconsole\.\w+/g) ?? []);
    return [...found, ...prints];
  });
  expect(wrong).toEqual([]);
});

test("every regular expression is on the list", () => {
  const wrong = offenders(product, (file) =>
    file.regexes.filter((each) => !listedRegexes.has(each)),
  );
  expect(wrong).toEqual([]);
  const used = new Set(product.flatMap((file) => file.regexes));
  expect([...listedRegexes.keys()].filter((each) => !used.has(each))).toEqual([]);
});

test("every Map and Set that lives on says what bounds it", () => {
  const wrong = offenders(product, ({ text, code }) => {
    const lines = text.split("\n");
    return code.split("\n").flatMap((line, index) => {
      const isLasting = /^(?: {2}readonly | {2}#| {2}private |const |let |export const )/.test(
        line,
      );
      if (!isLasting || !/new (?:Map|Set)\b/.test(line)) return [];
      const near = lines.slice(Math.max(0, index - 3), index + 1).join("\n");
      const isStated = /Max\b|at most|one (?:entry|for|per|each)|bounded|static/i.test(near);
      return isStated ? [] : [`line ${index + 1}: ${line.trim()}`];
    });
  });
  expect(wrong).toEqual([]);
});
