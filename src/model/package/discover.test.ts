// Goal: every form of path that operators use leads to its packages, and a path that does not says
// what was looked for. Method: folders of empty files; nothing is read but names and config.pbtxt.
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { discoverPackages } from "./discover.ts";
import { listFolder } from "./list-folder.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "millrace-discover-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let places = 0;

/** A fresh folder with these files; a name that ends with `/` is a folder. */
function place(files: Readonly<Record<string, string>> | readonly string[]): string {
  places += 1;
  const folder = join(root, `place-${places}`);
  mkdirSync(folder);
  const all = Array.isArray(files) ? files.map((name) => [name, ""]) : Object.entries(files);
  for (const [name = "", content = ""] of all) {
    mkdirSync(join(folder, name.endsWith("/") ? name : dirname(name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** `layout name version artifact`, one a package; `!name version: reason` for refused ones. */
async function found(paths: string | readonly string[], name?: string): Promise<readonly string[]> {
  const list = typeof paths === "string" ? [paths] : paths;
  const { packages, refused } = await discoverPackages(list, { name });
  return [
    ...packages.map((each) => `${each.layout} ${each.name} ${each.version} ${each.artifact}`),
    ...refused.map((each) => `!${each.name} ${each.version ?? "*"}: ${each.reason}`),
  ];
}

async function failure(paths: string | readonly string[], name?: string): Promise<string> {
  try {
    return (await found(paths, name)).join("\n");
  } catch (thrown) {
    if (ServingError.is(thrown))
      return `${thrown.code}: ${thrown.message.replaceAll(root, "ROOT")}`;
    throw thrown;
  }
}

test("a bare file is version 1.0.0 of its stem, a model.onnx of its folder", async () => {
  const folder = place(["example ż 大 김.onnx", "churn/model.onnx", "fraud/2.1.0/model.onnx"]);
  expect(await found(join(folder, "example ż 大 김.onnx"))).toEqual([
    "file example-z 1.0.0 example ż 大 김.onnx",
  ]);
  expect(await found(join(folder, "churn/model.onnx"))).toEqual(["file churn 1.0.0 model.onnx"]);
  expect(await found(join(folder, "fraud/2.1.0/model.onnx"))).toEqual([
    "file fraud 2.1.0 model.onnx",
  ]);
});

test("a model.onnx beside a manifest stands for its package", async () => {
  const folder = place(["churn/1.2.0/model.onnx", "churn/1.2.0/model.yaml"]);
  const wanted = ["package churn 1.2.0 model.onnx"];
  expect(await found(join(folder, "churn/1.2.0/model.onnx"))).toEqual(wanted);
  expect(await found(join(folder, "churn/1.2.0"))).toEqual(wanted);
});

test("a package folder has a manifest, a model.onnx or exactly one model file", async () => {
  expect(await found(place(["model.onnx", "old.onnx"]))).toEqual([
    expect.stringMatching(/^package place-\d+ 1\.0\.0 model\.onnx$/),
  ]);
  expect(await found(place(["net.onnx", "README.md"]))).toHaveLength(1);
  expect(await found(place(["net.ort"]))).toHaveLength(1);
  const [named] = (
    await discoverPackages([place(["a.onnx", "b.onnx", "model.yaml"])], { name: undefined })
  ).packages;
  expect(named).toMatchObject({ artifact: undefined, hasManifest: true, isRequired: true });
});

test("a repository holds models with and without versions, lowest version first", async () => {
  const folder = place([
    "churn/1.10.0/model.onnx",
    "churn/1.2.0/model.yaml",
    "churn/1.2.0/model.onnx",
    "churn/notes/text.md",
    "digits/model.onnx",
    "Größe/7/net.onnx",
    "README.md",
    ".git/model.onnx",
  ]);
  expect(await found(folder)).toEqual([
    "repository Gro-e 7 net.onnx",
    "repository churn 1.2.0 model.onnx",
    "repository churn 1.10.0 model.onnx",
    "repository digits 1.0.0 model.onnx",
  ]);
  const { packages } = await discoverPackages([folder], { name: undefined });
  expect(packages.map((each) => each.isRequired)).toEqual([false, false, false, false]);
  expect(await found(join(folder, "churn"))).toEqual([
    "repository churn 1.2.0 model.onnx",
    "repository churn 1.10.0 model.onnx",
  ]);
});

test("a Triton repository serves what the version policy chooses", async () => {
  const files = {
    "a/config.pbtxt": 'name: "a"',
    "a/1/model.onnx": "",
    "a/2/model.onnx": "",
    "a/10/model.onnx": "",
    "b/config.pbtxt": "version_policy { all {} }",
    "b/1/model.onnx": "",
    "b/2/other.onnx": "",
    "c/config.pbtxt":
      'version_policy { specific { versions: [ 1 ] } } default_model_filename: "n.onnx"',
    "c/1/n.onnx": "",
    "c/1.0.0/model.onnx": "",
    "d/1/model.onnx": "",
    "d/2/model.onnx": "",
  };
  const folder = place(files);
  expect(await found(folder)).toEqual([
    "triton a 10 model.onnx",
    "triton b 1 model.onnx",
    "triton b 2 other.onnx",
    "triton c 1 n.onnx",
    "repository d 1 model.onnx",
    "repository d 2 model.onnx",
  ]);
  expect(await found(join(folder, "a"))).toEqual(["triton a 10 model.onnx"]);
});

test("members of a repository fail alone, each with its reason", async () => {
  const folder = place({
    "ok/model.onnx": "",
    "empty/": "",
    "two/a.onnx": "",
    "two/b.onnx": "",
    "bad/config.pbtxt": 'backend: "python"',
    "bad/1/model.py": "",
    "half/1.0.0/model.onnx": "",
    "half/2.0.0/readme.txt": "",
    "none/config.pbtxt": "version_policy { specific { versions: 9 } }",
    "none/1/model.onnx": "",
  });
  symlinkSync(join(folder, "ok"), join(folder, "linked"));
  symlinkSync(join(folder, "half/1.0.0"), join(folder, "half/3.0.0"));
  expect(await found(folder)).toMatchSnapshot();
});

test.each([
  ["a path that does not exist", (folder: string) => join(folder, "nope")],
  ["a file of another kind", (folder: string) => join(folder, "weights.pt")],
  ["a folder without models", (folder: string) => join(folder, "docs")],
  ["a folder of folders without models", (folder: string) => join(folder, "outer")],
  ["a folder of several models", (folder: string) => join(folder, "several")],
  ["a model without usable version", (folder: string) => join(folder, "versions")],
])("refuses %s and says what was looked for", async (_name, pick) => {
  const folder = place([
    "weights.pt",
    "docs/a.md",
    "outer/inner/a.md",
    "several/a.onnx",
    "several/b.onnx",
    "versions/1/a.txt",
  ]);
  expect((await failure(pick(folder))).replaceAll(/place-\d+/g, "PLACE")).toMatchSnapshot();
});

test("a name by flag fits one model and keeps to the pattern", async () => {
  const folder = place(["a/model.onnx", "b/model.onnx"]);
  expect(await found(join(folder, "a"), "kunden")).toEqual(["package kunden 1.0.0 model.onnx"]);
  expect(await failure(folder, "kunden")).toContain("expected one model, got 2");
  expect(await failure(join(folder, "a"), "../x")).toContain("--name: got '../x'");
});

test("two packages on one name and version: the second is refused", async () => {
  const folder = place(["r/ä/model.onnx", "r/a/model.onnx"]);
  expect(await found(join(folder, "r"))).toEqual([
    "repository a 1.0.0 model.onnx",
    "!a 1.0.0: another package is already version 1.0.0 of 'a'",
  ]);
  const file = join(folder, "r/a/model.onnx");
  expect(await failure([file, file])).toContain("already version 1.0.0");
});

test("the named path itself may be a link", async () => {
  const folder = place(["real/churn-v7.onnx"]);
  symlinkSync(join(folder, "real"), join(folder, "current"));
  symlinkSync(join(folder, "real/churn-v7.onnx"), join(folder, "churn.onnx"));
  expect(await found(join(folder, "current"))).toEqual(["package current 1.0.0 churn-v7.onnx"]);
  expect(await found(join(folder, "churn.onnx"))).toEqual(["file churn 1.0.0 churn-v7.onnx"]);
});

test("a config.pbtxt that is a hard link refuses its model", async () => {
  const folder = place({ "a/1/model.onnx": "", "b/model.onnx": "", "outside.txt": "" });
  linkSync(join(folder, "outside.txt"), join(folder, "a/config.pbtxt"));
  expect((await found(folder)).join("\n")).toContain("!a *: config.pbtxt is a hard link");
});

test("lists a folder up to its limit", async () => {
  const folder = place(["a/", "b.onnx", "c.txt", ".hidden"]);
  expect(await listFolder(folder, "the folder", 3)).toEqual([
    { name: "a", kind: "folder" },
    { name: "b.onnx", kind: "file" },
    { name: "c.txt", kind: "file" },
  ]);
  await expect(listFolder(folder, "the folder", 2)).rejects.toThrow(
    "the folder holds more than 2 entries: name a folder of models",
  );
  expect(await listFolder(folder, "the folder", 4)).toHaveLength(3);
});

test("aliases of a model's folder come with it, and a wrong one refuses the model", async () => {
  const files = { "1.0.0/model.onnx": "", "2.0.0/model.onnx": "" };
  const right = place({ ...prefixed("a", files), "a/aliases.yaml": "stable: 1.0.0\n" });
  const both = { ...prefixed("a", files), ...prefixed("b", files), "b/aliases.yaml": "next: 3\n" };
  const { aliases } = await discoverPackages([right], { name: undefined });
  expect(aliases).toEqual([{ model: "a", alias: "stable", version: "1.0.0" }]);
  const renamed = await discoverPackages([join(right, "a")], { name: "c" });
  expect(renamed.aliases).toEqual([{ model: "c", alias: "stable", version: "1.0.0" }]);
  const wanted = "expected a version of the model: '1.0.0', '2.0.0'";
  expect(await found(place(both))).toEqual([
    "repository a 1.0.0 model.onnx",
    "repository a 2.0.0 model.onnx",
    `!b *: aliases.yaml line 1: next: got '3', ${wanted}`,
  ]);
});

function prefixed(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]),
  );
}
