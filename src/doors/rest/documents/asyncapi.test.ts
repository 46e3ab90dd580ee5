// Goal: the description holds what AsyncAPI 3.0 asks for, and every reference in it leads
// somewhere. Method: the document of a server with a model, walked.
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import { asyncApiDocument } from "./asyncapi.ts";

let rig: RestRig;
beforeAll(async () => {
  const spec = { name: "x", dtype: "FP32", shape: [-1, 2] } as const;
  const model = { inputs: [inputSpec(spec)], outputs: [outputSpec({ ...spec, name: "y" })] };
  rig = await openRestRig([{ ...model, name: "one", run: () => [] }]);
});
afterAll(() => rig.close());

type Node = Readonly<Record<string, unknown>>;

function references(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { $ref } = node as { $ref?: unknown };
  if (typeof $ref === "string") return [$ref];
  return Object.values(node).flatMap(references);
}

function resolve(document: Node, reference: string): unknown {
  let at: unknown = document;
  for (const key of reference.split("/").slice(1)) at = (at as Node | undefined)?.[key];
  return at;
}

test.each([0, 1])("with %i models: known version, channels, operations, references", (count) => {
  const models = rig.service.servedVersions().slice(0, count);
  const document = asyncApiDocument({ serverVersion: "1.2.3", models }) as Node;
  expect(document["asyncapi"]).toBe("3.0.0");
  expect(document["info"]).toMatchObject({ title: "Millrace", version: "1.2.3" });
  const channels = document["channels"] as Record<string, Node>;
  expect(Object.values(channels).map((each) => each["address"])).toEqual([
    ...["/predict/stream", "/predict/ws"],
    ...models.map(() => "/v2/models/one/versions/1.0.0/ws"),
  ]);
  for (const operation of Object.values(document["operations"] as Record<string, Node>)) {
    expect(["send", "receive"]).toContain(operation["action"]);
    expect(operation["channel"]).toHaveProperty("$ref");
  }
  const all = references(document);
  expect(all.length).toBeGreaterThan(5);
  for (const each of all) expect([each, typeof resolve(document, each)]).toEqual([each, "object"]);
  for (const name of Object.keys(channels)) expect(name).toMatch(/^[\w.-]+$/);
});
