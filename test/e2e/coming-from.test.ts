// Goal: whoever comes from another server and types the lines of its page gets what the page shows.
// Method: each page's server is started as its line says, each curl line is run in order, and each
// answer is compared with the one that the page shows in the same place.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../support/built-server.ts";
import { hasCurl, isAsShown, shell } from "../support/shown-answers.ts";
import { readDocument } from "../tidy/markdown.ts";

const folder = "docs/how-to";
const pages = readdirSync(join(root, folder)).filter((name) => name.startsWith("come-from-"));
const serve = "npm run -s millrace -- serve";

interface Page {
  /** The line that starts the server. */
  readonly start: string;
  readonly asked: readonly string[];
  readonly shown: readonly string[];
}

function readPage(name: string): Page {
  const { blocks } = readDocument(`${folder}/${name}`);
  const lines = (language: string): string[] =>
    blocks
      .filter((block) => block.language === language)
      .flatMap((block) => block.text.split("\n").filter((line) => line !== ""));
  const commands = lines("sh");
  return {
    start: commands.find((line) => line.includes(serve)) ?? "",
    asked: commands.filter((line) => line.includes("curl ")),
    shown: lines("json"),
  };
}

/** The variables in front of a command and the words behind it. */
function wordsOf(start: string): { env: Record<string, string>; args: string[]; port: string } {
  const [before = "", after = ""] = start.split(serve);
  const set = before.split(" ").filter((word) => word !== "");
  const env = Object.fromEntries(
    set.map((word) => {
      const equals = word.indexOf("=");
      return [word.slice(0, equals), word.slice(equals + 1).replace("$PWD", root)];
    }),
  );
  const words = after.split(" ").filter((word) => word !== "");
  const at = words.indexOf("--port");
  const named = Object.keys(env).find((name) => name.endsWith("_PORT"));
  const port = at === -1 ? (env[named ?? ""] ?? "") : (words[at + 1] ?? "");
  const args = at === -1 ? words : words.toSpliced(at, 2);
  return { env, args: args.map(rooted), port };
}

/** A path of the checkout, wherever the test runs; other words as they are. */
function rooted(word: string): string {
  const path = join(root, word);
  return !word.startsWith("-") && existsSync(path) ? path : word;
}

test("there is a page for each server that we speak like", () => {
  expect(pages).toEqual([
    "come-from-fastapi.md",
    "come-from-kserve.md",
    "come-from-mlflow.md",
    "come-from-sagemaker.md",
    "come-from-tensorflow-serving.md",
    "come-from-torchserve.md",
    "come-from-triton.md",
    "come-from-vertex-ai.md",
  ]);
});

describe.each(pages)("%s", (name) => {
  const { start, asked, shown } = readPage(name);
  const { env, args, port } = wordsOf(start);
  let server: BuiltServer | undefined;

  beforeAll(async () => {
    server = await startBuilt(args, { env });
  });
  afterAll(async () => {
    await server?.stop();
  });

  test("shows an answer for each line", () => {
    expect(asked.length).toBeGreaterThan(3);
    expect(shown.length).toBe(asked.length);
    expect(port).not.toBe("");
  });

  test("gets the answers that it shows", async (context) => {
    if (!(await hasCurl())) context.skip("curl is not installed");
    for (const [index, line] of asked.entries()) {
      expect(line).toContain(`localhost:${port}`);
      const own = line.replace(`localhost:${port}`, `127.0.0.1:${server?.port}`);
      const answer = await shell(own.replace("curl ", "curl -s "));
      const pattern = shown[index] ?? "";
      expect(isAsShown(answer, pattern), `${line}\n${answer}\nshown: ${pattern}`).toBe(true);
    }
  });
});
