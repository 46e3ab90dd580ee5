// Goal: the description of a listener has the routes that it answers, and no others.
// Method: doors of several dialects; every described path is asked, and none is unknown.
import { afterEach, expect, test } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../test/support/rest-rig.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { type DialectName, dialectNames } from "../dialects.ts";

const model = {
  name: "echo",
  inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 2] })],
  outputs: [outputSpec({ name: "y", dtype: "FP32", shape: [-1, 2] })],
  run: ({ inputs }: { inputs: readonly (Tensor | undefined)[] }) => [inputs[0] as Tensor],
};
let rig: RestRig;

afterEach(() => rig.close());

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function described(dialects: readonly DialectName[]): Promise<Described["paths"]> {
  rig = await openRestRig([model], {}, { dialects, hasDocs: true });
  const reply = await fetch(`${rig.url}/openapi.json`);
  return ((await reply.json()) as Described).paths;
}

test.each([
  [dialectNames],
  [["simple"]],
  [["oip", "torchserve"]],
  [["tfs"]],
  [["sagemaker"]],
  [["mlflow"]],
] as [DialectName[]][])("describes what a listener of %s answers", async (dialects) => {
  const paths = await described(dialects);
  expect(Object.keys(paths).length).toBeGreaterThan(4);
  for (const [path, verbs] of Object.entries(paths)) {
    const method = "post" in verbs ? "POST" : "GET";
    const url = rig.url + path.replace("{model}", "echo");
    const reply = await fetch(url, { method });
    const code = reply.headers.get("x-error-code");
    expect(["NOT_FOUND", "METHOD_NOT_ALLOWED"], `${method} ${path}`).not.toContain(code);
    await reply.text();
  }
});

test("leaves out what a listener does not speak, the page for people included", async () => {
  const paths = Object.keys(await described(["tfs"]));
  expect(paths).toContain("/v1/models/{model}:predict");
  expect(paths).not.toContain("/predict");
  expect(paths).not.toContain("/v2/models/stats");
  expect((await fetch(`${rig.url}/docs`)).status).toBe(404);
  const front = await fetch(rig.url, { headers: { accept: "text/html" }, redirect: "manual" });
  expect(front.status).toBe(200);
});
