// Goal: no regular expression of the sources can be made slow. Method: every literal that the tidy
// scanner finds, and every listed one, against 50 KB of texts that are hostile to it; the bound is
// twenty times what linear matching takes, and one of three tries has to keep it.
import { expect, test } from "vitest";
import { listedRegexes } from "../tidy/regexes.ts";
import { readSources } from "../tidy/source-files.ts";

const bytes = 50_000;
const msMax = 100;

const literals = new Set([
  ...listedRegexes.keys(),
  ...readSources("src")
    .filter((file) => !file.path.endsWith(".test.ts"))
    .flatMap((file) => file.regexes),
]);

function compile(literal: string): RegExp {
  const end = literal.lastIndexOf("/");
  return new RegExp(literal.slice(1, end), literal.slice(end + 1).replace("y", ""));
}

/** Long runs of each character of the pattern, and of usual ones, with an end that fits nothing. */
function hostileTexts(literal: string): string[] {
  const letters = new Set([...literal, ..."a0 .,-_/\\\"'\n\t:=%[](){}\u00e9"]);
  const texts: string[] = [];
  for (const each of letters) {
    texts.push(each.repeat(bytes), `${each.repeat(bytes)}!`, `${`${each}a`.repeat(bytes / 2)}\0`);
  }
  const bare = literal.slice(1, literal.lastIndexOf("/"));
  texts.push(bare.repeat(Math.ceil(bytes / Math.max(1, bare.length))));
  return texts;
}

test(`each of ${literals.size} regular expressions is linear on 50 KB of hostile text`, () => {
  for (const literal of literals) {
    const pattern = compile(literal);
    for (const text of hostileTexts(literal)) {
      let bestMs = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 3 && bestMs > msMax; tries += 1) {
        const startMs = performance.now();
        pattern.lastIndex = 0;
        pattern.test(text);
        bestMs = Math.min(bestMs, performance.now() - startMs);
      }
      expect(bestMs, `${literal} on ${JSON.stringify(text.slice(0, 20))}...`).toBeLessThan(msMax);
    }
  }
});

test("no source makes a regular expression out of text", () => {
  const makers = readSources("src")
    .filter((file) => !file.path.endsWith(".test.ts"))
    .filter((file) => /\bnew RegExp\b|[^.\w]RegExp\(/.test(file.code))
    .map((file) => file.path);
  expect(makers).toEqual([]);
});

test("the bound catches what it is for", () => {
  const bad = /^(?:a+)+$/;
  const startMs = performance.now();
  bad.test(`${"a".repeat(24)}!`);
  expect(performance.now() - startMs).toBeGreaterThan(msMax);
});
