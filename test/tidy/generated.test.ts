// Goal: the committed reference pages are what the schemas say today.
// Method: each is generated again and compared; `npm run generate` mends a difference.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/app/config/config.ts";
import { generatedFiles } from "../../tools/generate/pages.ts";
import { root } from "./source-files.ts";

for (const [path, content] of generatedFiles()) {
  test(`${path} is as generated`, () => {
    const place = join(root, path);
    const isSame = existsSync(place) && readFileSync(place, "utf8") === content;
    expect(isSame, "run `npm run generate` and commit what it writes").toBe(true);
  });
}

test("the example file is a configuration of defaults", async () => {
  const text = generatedFiles().get("millrace.example.yaml") ?? "";
  const given = { flags: [], environment: {} };
  const file = { path: "millrace.example.yaml", text };
  const { config } = await loadConfig({ ...given, file });
  expect(config).toEqual((await loadConfig({ ...given, file: undefined })).config);
});
