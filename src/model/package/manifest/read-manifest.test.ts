// Goal: a manifest is taken as meant or refused with the line and key of everything wrong in it,
// and no file can hurt the reader. Method: the documented example, a file full of faults, each
// limit at its edge, known YAML bombs.
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { manifestJsonSchema, manifestReference } from "./manifest-reference.ts";
import { readManifest } from "./read-manifest.ts";

const example = `
name: churn
version: 1.2.0
artifact: model.onnx
description: Probability that a customer leaves within a month.
inputs:
  features:                       # a tensor of the artifact
    columns:                      # named fields of the simple dialect, in tensor order
      - { name: age, min: 0, max: 120 }
      - { name: tenure, dtype: INT32, min: 0 }
      - { name: monthly_charges }
      - { name: total_charges, default: 0 }
outputs:
  label: { role: prediction }
  probabilities: { role: probability, labels: ["0", "1"] }
batching: { itemsMax: 32, delayMsMax: 0, policy: greedy }
instances: 1
threads: 1
warmup: { runs: 3 }
deadlineMsDefault: 1000
samples: samples.jsonl            # request and expected answer, used by probe and docs
metadata: { owner: growth, trained_at: 2026-10-02, accuracy: 0.81 }
`;

function read(text: string) {
  return readManifest(Buffer.from(text), "model.yaml").manifest;
}

function refusal(text: string): string {
  try {
    read(text);
  } catch (thrown) {
    if (ServingError.is(thrown) && thrown.code === "MODEL_INVALID") return thrown.message;
    throw thrown;
  }
  return "let in";
}

test("reads the documented example", () => {
  const manifest = read(example);
  expect(manifest).toMatchObject({
    name: "churn",
    version: "1.2.0",
    deadlineMsDefault: 1000,
    metadata: { owner: "growth", trained_at: "2026-10-02", accuracy: 0.81 },
  });
  expect(manifest.inputs["features"]?.columns?.[1]).toEqual({
    name: "tenure",
    dtype: "INT32",
    min: 0,
  });
});

test("an empty file is a manifest of defaults", () => {
  expect(read("")).toEqual({
    inputs: {},
    outputs: {},
    batching: { policy: "greedy", itemsMax: 32, delayMsMax: 0 },
    isolation: "process",
    instances: 1,
    threads: 1,
    workers: { share: false },
    warmup: { runs: 3 },
    limits: {},
    metadata: {},
  });
  expect(read("# nothing\n")).toEqual(read(""));
});

test("names file, line and key of every problem at once", () => {
  const text = `name: ch urn
version: 1.0.x
artefact: x
artifact: ../x
inputs:
  features:
    columns:
      - { name: age, dtype: FP31, min: "0" }
      - { nam: b }
    steps: [trimm]
batching: { itemsMax: 0, delayMsMax: .inf, policy: greddy }
instances: many
threads: 1.5
limits: { requestItemMax: 3 }
metadata: { a: { b: 1 } }
`;
  expect(refusal(text)).toMatchSnapshot();
});

test.each([
  ["a version that YAML reads as another", "version: 1.0"],
  ["a version with too few parts", "version: '1.0'"],
  ["the same key twice", "name: a\nname: b"],
  ["broken YAML", "name: [a\nversion: 3"],
  ["a list", "- name: a"],
  ["a tag", "name: !!js/function 'x'"],
  ["two documents", "name: a\n---\nname: b"],
  ["a key of the prototype", "inputs:\n  __proto__: { min: 1 }"],
  ["a path out of the package", "samples: /etc/passwd"],
  ["a control character in a key", '"a\\tb": 1'],
])("refuses %s", (_name, text) => {
  expect(refusal(text)).toMatchSnapshot();
});

test("integer and SemVer versions become text", () => {
  expect(read("version: 3").version).toBe("3");
  expect(read("version: 1.0.0-rc.1").version).toBe("1.0.0-rc.1");
  expect(read('version: "7"').version).toBe("7");
});

test.each([
  ["batching: { itemsMax: 1 }", "batching: { itemsMax: 0 }"],
  ["batching: { itemsMax: 10000 }", "batching: { itemsMax: 10001 }"],
  ["batching: { delayMsMax: 1000 }", "batching: { delayMsMax: 1000.5 }"],
  ["instances: 64", "instances: 65"],
  ["instances: auto", "instances: 0"],
  ["threads: 256", "threads: 257"],
  ["warmup: { runs: 0 }", "warmup: { runs: -1 }"],
  ["deadlineMsDefault: 1", "deadlineMsDefault: 0"],
  ["limits: { batchWallMsMax: 86400000 }", "limits: { batchWallMsMax: 86400001 }"],
  ["limits: { queueItemsMax: 1 }", "limits: { queueItemsMax: 0 }"],
  [`name: ${"a".repeat(128)}`, `name: ${"a".repeat(129)}`],
])("lets %s in and refuses %s", (right, wrong) => {
  expect(refusal(right)).toBe("let in");
  expect(refusal(wrong)).toContain("model.yaml line 1, ");
});

test("survives deep nesting, alias bombs, wrong bytes and size", () => {
  expect(refusal("[".repeat(50_000))).toContain("nested too deeply");
  expect(refusal("? ".repeat(50_000))).toContain("nested too deeply");
  const rows = ["x", ..."abcdefgh"].map((name, index, all) =>
    index === 0 ? "" : `${name}: &${name} [${`*${all[index - 1]},`.repeat(9)}]`,
  );
  const bomb = `x: &x [1]${rows.join("\n")}\nmetadata: { a: *h }`;
  expect(refusal(bomb)).toContain("more than 100 uses of aliases");
  expect(() => readManifest(Uint8Array.of(0xff, 0xfe), "model.yaml")).toThrow("expected UTF-8");
  const size = 1024 * 1024;
  expect(refusal(`#${"x".repeat(size - 1)}`)).toBe("let in");
  expect(refusal(`#${"x".repeat(size)}`)).toContain(`expected at most ${size}`);
});

test("every key of the published schema is described and dated", () => {
  const undescribed: string[] = [];
  const visit = (schema: Record<string, unknown>, path: string) => {
    for (const [key, child] of Object.entries((schema["properties"] ?? {}) as object)) {
      if (!("description" in child && "since" in child)) undescribed.push(`${path}.${key}`);
      visit(child, `${path}.${key}`);
    }
    for (const inner of ["items", "additionalProperties"]) {
      if (typeof schema[inner] === "object") visit(schema[inner] as Record<string, unknown>, path);
    }
  };
  const schema = manifestJsonSchema() as Record<string, unknown>;
  visit(schema, "");
  expect(undescribed).toEqual([]);
  expect(schema).toMatchObject({ additionalProperties: false, title: "model.yaml" });
});

test("the reference page has a row for every key", () => {
  const page = manifestReference();
  for (const key of ["name", "inputs.<name>.columns[].dtype", "limits.queueItemsMax"]) {
    expect(page).toContain(`| \`${key}\` |`);
  }
});
