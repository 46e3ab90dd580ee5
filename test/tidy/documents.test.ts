// Goal: the documents say nothing that the checkout does not bear out.
// Method: every link, title and code block of every document against files and declarations.
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { errorTable } from "../../src/base/index.ts";
import { type Document, declares, type Link, readDocument, readDocuments } from "./markdown.ts";
import { readSources, root } from "./source-files.ts";

const documents = readDocuments();
const code = new Map(readSources("src").map((file) => [file.path, file.code]));

function isOutside(target: string): boolean {
  return target.startsWith("https://") || target.startsWith("http://");
}

/** The path from the root and the anchor that a relative link names. */
function targetOf(document: Document, link: Link): { path: string; anchor: string } {
  const [path = "", anchor = ""] = link.target.split("#");
  if (path === "") return { path: document.path, anchor };
  return { path: normalize(join(dirname(document.path), path)), anchor };
}

function relativeLinks(): { document: Document; link: Link; path: string; anchor: string }[] {
  return documents.flatMap((document) =>
    document.links
      .filter((link) => !isOutside(link.target))
      .map((link) => ({ document, link, ...targetOf(document, link) })),
  );
}

test("there are documents to look at", () => {
  expect(documents.map((each) => each.path)).toContain("ARCHITECTURE.md");
  expect(relativeLinks().length).toBeGreaterThan(100);
});

test("each document has exactly one title", () => {
  const wrong = documents.filter((each) => each.titles.length !== 1);
  expect(wrong.map((each) => `${each.path}: ${each.titles.length} titles`)).toEqual([]);
});

test("every relative link leads to a file, and its anchor to a heading", () => {
  const wrong = relativeLinks().flatMap(({ document, link, path, anchor }) => {
    const place = `${document.path}:${link.line} ${link.target}`;
    if (!existsSync(join(root, path))) return [`${place}: no such file`];
    if (anchor === "" || !path.endsWith(".md")) return [];
    return readDocument(path).anchors.has(anchor) ? [] : [`${place}: no such heading`];
  });
  expect(wrong).toEqual([]);
});

test("every link from a name in backticks to a source leads to the file that declares it", () => {
  const named = relativeLinks().filter(({ link, path }) => {
    return path.endsWith(".ts") && link.text.startsWith("`") && link.text.endsWith("`");
  });
  expect(named.length).toBeGreaterThan(40);
  const wrong = named.flatMap(({ document, link, path }) => {
    const name = link.text.slice(1, -1);
    if (name.includes("/") || name.endsWith(".ts")) return [];
    const text = code.get(path) ?? readFileSync(join(root, path), "utf8");
    return declares(text, name) ? [] : [`${document.path}:${link.line} ${name} in ${path}`];
  });
  expect(wrong).toEqual([]);
});

test("the walk of one request in ARCHITECTURE.md passes every floor", () => {
  const walk = readDocument("ARCHITECTURE.md").links.map((link) => link.target);
  const rooms = ["base", "tensor", "model", "engine", "predict", "registry", "observe", "service"];
  for (const room of [...rooms, "doors/rest"]) {
    expect(walk.filter((target) => target.startsWith(`src/${room}/`))).not.toEqual([]);
  }
});

test("the page of error codes lists every code with its status, and no other", () => {
  const page = readFileSync(join(root, "docs/reference/errors.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, name, status]) => [
    name,
    Number(status),
  ]);
  const wanted = Object.entries(errorTable).map(([name, row]) => [name, row.http]);
  expect(listed.sort()).toEqual(wanted.sort());
});

test("every block of README.md is either run by its test (sh) or marked as output (text)", () => {
  const { blocks } = readDocument("README.md");
  expect(blocks.length).toBeGreaterThan(3);
  expect(blocks.filter(({ language }) => language !== "sh" && language !== "text")).toEqual([]);
});

test("continuous integration runs the test command of README.md word for word", () => {
  const commands = readDocument("README.md").blocks.flatMap((block) => block.text.split("\n"));
  expect(commands).toContain("npm install && npm test");
  const script = readFileSync(join(root, ".ci/run"), "utf8");
  expect(script.split("\n")).toContain("npm install && npm test");
  expect(statSync(join(root, ".ci/run")).mode & 0o111).not.toBe(0);
});

test("decision records have numbers of their own and their four parts", () => {
  const records = documents.filter((each) => each.path.startsWith("docs/adr/0"));
  const numbers = records.map((each) => Number(each.path.slice("docs/adr/".length).slice(0, 4)));
  // Whoever works beside others takes numbers from a range, so there may be gaps.
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const { path } of records) {
    const text = readFileSync(join(root, path), "utf8");
    for (const part of ["Context", "Decision", "Price", "Revisit"]) {
      expect(text, `${path} has no part '${part}'`).toMatch(new RegExp(`^## ${part}`, "m"));
    }
  }
});

test("every document below docs/ is linked from docs/README.md", () => {
  const linked = new Set(
    relativeLinks()
      .filter(({ document }) => document.path === "docs/README.md")
      .map(({ path }) => path),
  );
  const pages = documents.map((each) => each.path).filter((path) => path.startsWith("docs/"));
  expect(pages.filter((path) => path !== "docs/README.md" && !linked.has(path))).toEqual([]);
});
