/**
 * Every generated file and what it must hold; the generator writes them, a test compares them.
 */
import { manifestJsonSchema, manifestReference } from "../../src/model/index.ts";
import {
  configJsonSchema,
  configurationPage,
  exampleFile,
  limitsPage,
} from "./configuration-page.ts";
import { descriptorsFile } from "./descriptors.ts";
import { generatedBy, generatedMark } from "./page-parts.ts";

/** Path from the root to content. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const manifest = { $comment: generatedBy, ...manifestJsonSchema() };
  return new Map([
    ["docs/reference/configuration.md", configurationPage()],
    ["docs/reference/limits.md", limitsPage()],
    ["docs/reference/model-yaml.md", manifestPage()],
    ["docs/reference/config.schema.json", configJsonSchema()],
    ["docs/reference/model.schema.json", `${JSON.stringify(manifest, undefined, 2)}\n`],
    ["millrace.example.yaml", exampleFile()],
    ["src/doors/grpc/generated/descriptors.ts", descriptorsFile()],
  ]);
}

function manifestPage(): string {
  return [
    generatedMark,
    "# model.yaml",
    "",
    "What a package may say about its model. All keys are optional: without the file,",
    "everything is read from the model itself. Unknown keys are refused with a suggestion.",
    "Editors check the file by its [JSON Schema](model.schema.json): put",
    "`# yaml-language-server: $schema=PATH/model.schema.json` into its first line.",
    "",
    manifestReference().trimEnd(),
    "",
  ].join("\n");
}
