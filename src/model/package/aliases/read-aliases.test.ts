// Goal: an alias is a name that can be told from a version, and a file of them is right or refused.
// Method: texts of `aliases.yaml` and of the setting, right ones and each way to be wrong.
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { aliasesMax, aliasOfText, isAlias } from "./alias.ts";
import { aliasesOf } from "./read-aliases.ts";

const versions = ["1.2.0", "2.0.0", "3"];

function read(text: string): unknown {
  try {
    return aliasesOf(text, { model: "m", folder: "", versions }).map(
      ({ model, alias, version }) => `${model}/${alias}=${version}`,
    );
  } catch (thrown) {
    if (ServingError.is(thrown)) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
}

test("reads names and versions, quoted or not", () => {
  const text = 'stable: 1.2.0\nnext: "2.0.0"\nold.one: 3 # kept\n';
  expect(read(text)).toEqual(["m/stable=1.2.0", "m/next=2.0.0", "m/old.one=3"]);
  expect([read(""), read("# none\n")]).toEqual([[], []]);
});

test("names file, line and what was expected of each fault", () => {
  const wanted = "expected a name such as stable, neither a version nor 'latest'";
  const known = "expected a version of the model: '1.2.0', '2.0.0', '3'";
  expect(read("latest: 1.2.0\n1.0.0: 3\nstable: 9\n-a: 3\nnext: [3]\n")).toBe(
    [
      `MODEL_INVALID: aliases.yaml line 1: got 'latest', ${wanted}`,
      `aliases.yaml line 2: got '1.0.0', ${wanted}`,
      `aliases.yaml line 3: stable: got '9', ${known}`,
      `aliases.yaml line 4: got '-a', ${wanted}`,
      `aliases.yaml line 5: next: got '', ${known}`,
    ].join("\n"),
  );
  expect(read("- stable\n")).toContain("aliases.yaml: expected a mapping such as `stable: 1.2.0`");
  expect(read("stable: 3\nstable: 1.2.0\n")).toContain("aliases.yaml line 2: ");
  expect(read("stable: 3.0\n")).toContain("got '3.0'");
});

test("takes as many aliases as the limit and no more", () => {
  const text = (count: number): string =>
    Array.from({ length: count }, (_, index) => `a${index}: 3\n`).join("");
  expect(read(text(aliasesMax - 1))).toHaveLength(aliasesMax - 1);
  expect(read(text(aliasesMax))).toHaveLength(aliasesMax);
  expect(read(text(aliasesMax + 1))).toContain("101 aliases, expected at most 100");
});

test("reads the form of the setting and nothing near it", () => {
  const parts = { model: "churn", alias: "stable", version: "1.2.0" };
  expect(aliasOfText("churn/stable=1.2.0")).toEqual(parts);
  const wrong = ["churn", "churn/stable", "churn=1.2.0", "churn/stable=x", "churn/latest=3"];
  wrong.push("churn/1=3", "/stable=3", "churn/=3", "a b/stable=3", "churn/stable=1.2.0=3");
  expect(wrong.map(aliasOfText)).toEqual(wrong.map(() => undefined));
  expect(["a".repeat(128), "a".repeat(129)].map(isAlias)).toEqual([true, false]);
});
