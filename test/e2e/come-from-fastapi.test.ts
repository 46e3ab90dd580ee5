// Goal: whoever comes from FastAPI gets what the page promises.
// Method: the page's own lines: the server that it starts, each curl line, the answers it shows.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root, startBuilt } from "../support/built-server.ts";
import { readDocument } from "../tidy/markdown.ts";

const run = promisify(execFile);
const { blocks } = readDocument("docs/how-to/come-from-fastapi.md");

function linesOf(language: string): string[] {
  const found = blocks.filter((block) => block.language === language);
  return found.flatMap((block) => block.text.split("\n"));
}

const serveStart = "npm run -s millrace -- serve ";
const portWords = "--port 8000";

/** True when `text` holds what `pattern` shows; `...` stands for anything. */
function isAsShown(text: string, pattern: string): boolean {
  let from = 0;
  for (const part of pattern.split("...")) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return true;
}

test("the lines of the page start the server and are answered as it shows", async (context) => {
  const hasCurl = await run("curl", ["--version"]).catch(() => undefined);
  if (hasCurl === undefined) context.skip("skipped: curl is not installed");
  const lines = linesOf("sh");
  const serve = lines.find((line) => line.startsWith(serveStart)) ?? "";
  expect(serve).toContain(portWords);
  const [path = "", ...words] = serve.slice(serveStart.length).split(" ");
  const others = words.join(" ").replace(portWords, "").split(" ").filter(Boolean);
  const server = await startBuilt([`${root}/${path}`, ...others]);
  try {
    const answers: string[] = [];
    for (const line of lines) {
      if (line === serve) continue;
      expect(line, "no rule for this line").toMatch(/^curl .*localhost:8000/);
      const asked = line.replace("localhost:8000", `localhost:${server.port}`);
      answers.push((await run("bash", ["-c", asked])).stdout);
    }
    const shown = linesOf("text");
    expect(answers).toHaveLength(shown.length);
    for (const [index, pattern] of shown.entries()) {
      expect(isAsShown(answers[index] ?? "", pattern), `${answers[index]}\n${pattern}`).toBe(true);
    }
  } finally {
    await server.stop();
  }
});
