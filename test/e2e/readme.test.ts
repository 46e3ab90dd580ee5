// Goal: whoever types the lines of README.md gets what README.md shows.
// Method: every line of every shell block is run; a line for which there is no rule fails.
import { afterAll, expect, test } from "vitest";
import { type BuiltServer, root, startBuilt } from "../support/built-server.ts";
import { hasCurl, isAsShown, shell } from "../support/shown-answers.ts";
import { readDocument } from "../tidy/markdown.ts";

const { blocks } = readDocument("README.md");
const lines = blocks
  .filter((block) => block.language === "sh")
  .flatMap((block) => block.text.split("\n"));
const shown = blocks
  .filter((block) => block.language === "text")
  .flatMap((block) => block.text.split("\n"));

const serveStart = "npm run -s millrace -- serve ";
const portWords = " --port 8000";
const serveLine = lines.find((line) => line.startsWith(serveStart)) ?? "";

let server: BuiltServer | undefined;

afterAll(async () => {
  await server?.stop();
});

test("the two commands are there; the first one shows real requests answered", async () => {
  expect(lines).toContain("npm install && npm run demo");
  // The second one is what runs this test; `.ci/run` holds it word for word.
  expect(lines).toContain("npm install && npm test");
  const output = await shell("npm run -s demo -- --once");
  expect(output).toContain("all as they should be");
  expect(output).not.toContain("WRONG");
});

test("the quick start serves the model that it names", async () => {
  expect(serveLine).toMatch(/ --port 8000$/);
  const words = serveLine.slice(serveStart.length, -portWords.length).split(" ");
  server = await startBuilt(words.map((word) => `${root}/${word}`));
});

test("each curl line is answered, and the answers are those that are shown", async (context) => {
  if (!(await hasCurl())) context.skip("curl is not installed");
  const port = server?.port ?? 0;
  const asked = lines.filter((line) => line.startsWith("curl "));
  expect(asked.length).toBeGreaterThan(2);
  const answers: string[] = [];
  for (const line of asked) {
    expect(line).toContain("localhost:8000");
    answers.push(await shell(line.replace("localhost:8000", `localhost:${port}`)));
  }
  for (const answer of answers.slice(0, -1)) expect(JSON.parse(answer)).not.toHaveProperty("error");
  expect(JSON.parse(answers.at(-1) ?? "")).toHaveProperty("error");
  for (const pattern of shown) {
    const isThere = answers.some((answer) => isAsShown(answer, pattern));
    expect(isThere, `no answer looks like ${pattern}\n${answers.join("\n")}`).toBe(true);
  }
});

test("the other commands of the shell work as they stand", async () => {
  const others = lines.filter(
    (line) => !line.startsWith("curl ") && !line.startsWith("npm install") && line !== serveLine,
  );
  for (const line of others) {
    expect(line, "no rule for this line: say in this test how it is run").toMatch(
      / millrace -- (?:inspect|predict) /,
    );
    expect(await shell(line)).not.toBe("");
  }
  expect(others.length).toBeGreaterThan(1);
});
