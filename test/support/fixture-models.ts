/**
 * The models of the fixtures folder: which there are, a copy in a repository, a request for each.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { datatypes, fixturesFolder } from "./fixtures.ts";
import type { ClientTensor } from "./oip-client.ts";

interface IndexTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface RecordedOutput {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: readonly (number | string)[];
}

/** A model as the folder's index describes it. */
export interface IndexModel {
  readonly file: string;
  readonly loads?: boolean;
  readonly runs?: string;
  readonly inputs: readonly IndexTensor[];
  readonly probe_input: {
    readonly dims?: Readonly<Record<string, number>>;
    readonly inputs?: Readonly<Record<string, { shape?: number[]; data?: unknown }>>;
  };
  readonly recorded_output: Readonly<Record<string, RecordedOutput>> | null;
}

const folder = fixturesFolder();

/** All models; none without the folder. */
export const fixtureModels: readonly IndexModel[] =
  folder === undefined
    ? []
    : (
        JSON.parse(readFileSync(join(folder, "models/index.json"), "utf8")) as {
          models: IndexModel[];
        }
      ).models;

/** Those that answer in the engine itself. */
export const runningModels = fixtureModels.filter(
  (model) => model.runs === "yes" || model.runs === "tensor outputs only",
);

/** Need a locale that a slim machine does not have. */
export const needsLocale: ReadonlySet<string> = new Set([
  "text-fake-news-pipeline",
  "text-tfidf-vectorizer",
  "edge-string-normalizer",
]);

/** The name under which a copy is served. */
export function nameOf(model: IndexModel): string {
  const plain = model.file.replace("models/", "").replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  const name = plain.replace(".onnx", "");
  return name.endsWith("-") ? name.slice(0, -1) : name;
}

/** Copies a model into a repository as version 1.0.0, with its external data. */
export function copyInto(repository: string, model: IndexModel): void {
  const source = join(folder ?? "", model.file);
  const target = join(repository, nameOf(model), "1.0.0");
  mkdirSync(target, { recursive: true });
  const extension = model.file.endsWith(".ort") ? ".ort" : ".onnx";
  cpSync(source, join(target, `model${extension}`));
  if (!model.file.includes("external-data")) return;
  for (const beside of readdirSync(dirname(source))) {
    if (beside.endsWith(".bin")) cpSync(join(dirname(source), beside), join(target, beside));
  }
}

function isTensor(input: IndexTensor): boolean {
  return input.shape !== undefined;
}

function fillOf(type: string): number | bigint | string {
  if (type === "string") return "hello";
  if (type === "float16") return 0x3800;
  if (type.startsWith("float")) return 0.5;
  return type.endsWith("int64") ? 1n : 1;
}

/** The request that the index proposes. */
export function inputsOf(model: IndexModel): ClientTensor[] {
  const { dims = {}, inputs = {} } = typeof model.probe_input === "object" ? model.probe_input : {};
  return (model.inputs ?? []).filter(isTensor).map(({ name, type, shape }) => {
    const given = inputs[name] ?? {};
    const sizes =
      given.shape ?? shape.map((size) => (typeof size === "number" ? size : (dims[size] ?? 1)));
    const count = sizes.reduce((product, size) => product * size, 1);
    const toValue = (value: unknown): number | bigint | string => {
      if (type === "string") return String(value);
      return type.endsWith("int64") ? BigInt(value as number) : Number(value);
    };
    const values = Array.isArray(given.data)
      ? given.data.map(toValue)
      : Array.from({ length: count }, () =>
          given.data === undefined ? fillOf(type) : toValue(given.data),
        );
    return { name, datatype: datatypes[type] ?? "", shape: sizes, values };
  });
}
