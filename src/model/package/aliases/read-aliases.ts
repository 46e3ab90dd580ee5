/**
 * Reads `aliases.yaml`: the names that an operator gives to versions, in the model's folder.
 *
 * It lies beside the version folders and not in one, because an alias moves and a package never
 * changes. A fault in it refuses the whole model: with a word that is passed over, requests without
 * a version would go to a version that nobody chose.
 */
import { isMap, isScalar, LineCounter, type Pair, parseDocument } from "yaml";
import { quote, ServingError } from "../../../base/index.ts";
import { listed } from "../../input/check-shape.ts";
import { withPackageFile } from "../../onnx/check/package-file.ts";
import { yamlRules } from "../../schema-words.ts";
import { ProblemList } from "../manifest/problem-list.ts";
import { aliasesMax, aliasWords, isAlias, type ModelAlias } from "./alias.ts";

/** The file's name in the folder of a model. */
export const aliasFile = "aliases.yaml";

/** Size of the file at most, byte. */
const aliasBytesMax = 64 * 1024;

export interface AliasPlace {
  /** Name of the model. */
  readonly model: string;
  /** Absolute path of the model's folder. */
  readonly folder: string;
  /** The versions that an alias may name. */
  readonly versions: readonly string[];
}

/** @throws MODEL_INVALID naming file and line of every problem */
export async function readAliases(place: AliasPlace): Promise<readonly ModelAlias[]> {
  const { folder } = place;
  const file = { folder, location: aliasFile, title: aliasFile, isLinkAllowed: true };
  const text = await withPackageFile(file, async ({ bytes, handle }) => {
    if (bytes <= aliasBytesMax) return await handle.readFile("utf8");
    const message = `${aliasFile}: ${bytes} bytes, expected at most ${aliasBytesMax}`;
    throw new ServingError("MODEL_INVALID", message);
  });
  return aliasesOf(text, place);
}

/** The aliases in the text of the file. @throws MODEL_INVALID */
export function aliasesOf(text: string, { model, versions }: AliasPlace): readonly ModelAlias[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...yamlRules, lineCounter: lines });
  const problems = new ProblemList(aliasFile, () => undefined);
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    problems.addAtLine(lineAt(pos[0]), message.split("\n", 1)[0] ?? "");
  }
  problems.throwIfAny();
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) problems.add([], "expected a mapping such as `stable: 1.2.0`");
  const pairs = isMap(contents) ? contents.items : [];
  if (pairs.length > aliasesMax) {
    problems.add([], `${pairs.length} aliases, expected at most ${aliasesMax}`);
  }
  problems.throwIfAny();
  const aliases: ModelAlias[] = [];
  for (const pair of pairs) {
    const read = aliasOfPair(pair, versions);
    if (typeof read !== "string") aliases.push({ model, ...read });
    else problems.addAtLine(lineAt(isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0), read);
  }
  problems.throwIfAny();
  return aliases;
}

/** One line of the file, or what is wrong with it. */
function aliasOfPair(
  { key, value }: Pair,
  versions: readonly string[],
): Pick<ModelAlias, "alias" | "version"> | string {
  const alias = isScalar(key) ? String(key.value) : "";
  if (!isAlias(alias)) return `got ${quote(alias)}, expected ${aliasWords}`;
  // The text itself: `1.10` is the number 1.1 to YAML.
  const version = isScalar(value) ? (value.source ?? String(value.value)) : "";
  if (versions.includes(version)) return { alias, version };
  return `${alias}: got ${quote(version)}, expected a version of the model: ${listed(versions)}`;
}
