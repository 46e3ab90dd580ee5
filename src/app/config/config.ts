/**
 * Puts the configuration together: flag > environment > platform > file > default.
 *
 * Everything given is collected with its place first and checked once by the schema, so each
 * problem names where the value came from, and all problems are shown at once. The result is frozen
 * and is never read again from its sources. A variable that starts with `MILLRACE_` and a section's
 * name but is no setting is a misspelt setting, and refused; other `MILLRACE_` variables are not
 * ours.
 */
import { dirname, isAbsolute, join } from "node:path";
import { didYouMean, quote } from "../../base/index.ts";
import { issueText } from "../../model/index.ts";
import { readPlatform, sagemakerDefaults, storageProblem } from "./platform-variables.ts";
import { ConfigError } from "./problems.ts";
import { type GivenValue, readConfigText } from "./read-file.ts";
import { type Config, configSchema } from "./schema.ts";
import { findSetting, sections, settings, valueOfText, variablePrefix } from "./settings.ts";

export interface ConfigSources {
  /** Given on the command line; `--set` entries come here too, as text. */
  readonly flags: readonly GivenValue[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file's path as it is shown and its text; `undefined` when there is none. */
  readonly file: { readonly path: string; readonly text: string } | undefined;
  /** SageMaker has put a model into its folder, which counts where nothing else names one. */
  readonly hasSagemakerModel?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each setting came from, by name (`server.port`); one entry per setting. */
  readonly origins: ReadonlyMap<string, string>;
}

/** @throws ConfigError with every problem */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const problems: string[] = [];
  const given: GivenValue[] = [];
  if (sources.file !== undefined) {
    const content = await readConfigText(sources.file.text, sources.file.path);
    problems.push(...content.problems);
    const folder = dirname(sources.file.path);
    given.push(...content.values.map((each) => besideFile(each, folder)));
  }
  given.push(...readPlatform(sources.environment));
  given.push(...readEnvironment(sources.environment, problems));
  given.push(...sources.flags);
  if (!given.some(({ setting }) => setting === "models.paths")) {
    const problem = storageProblem(sources.environment);
    if (problem !== undefined) problems.push(problem);
    if (sources.hasSagemakerModel === true) given.unshift(...sagemakerDefaults());
  }
  const origins = new Map(settings.map(({ name }) => [name, "default"]));
  const config = check(given, origins, problems);
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return { config: deepFreeze(config), origins };
}

/** Reads `section.key=value` of `--set`. @throws ConfigError when it is not of that form */
export function settingOfText(text: string): GivenValue {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  const setting = findSetting(name);
  if (setting === undefined) {
    const hint = didYouMean(
      name,
      settings.map((each) => each.name),
    );
    throw new ConfigError([`flag --set: no setting ${quote(name)}${hint}`]);
  }
  if (equals === -1) throw new ConfigError([`flag --set: expected ${name}=VALUE`]);
  const value = valueOfText(setting, text.slice(equals + 1));
  return { setting: name, value, origin: "flag --set" };
}

/** Paths of a file are relative to the file, not to where the command runs. */
function besideFile(given: GivenValue, folder: string): GivenValue {
  if (given.setting !== "models.paths" || !Array.isArray(given.value)) return given;
  const value = given.value.map((path: unknown) =>
    typeof path === "string" && path !== "" && !isAbsolute(path) ? join(folder, path) : path,
  );
  return { ...given, value };
}

function readEnvironment(
  environment: ConfigSources["environment"],
  problems: string[],
): GivenValue[] {
  const known = new Map(settings.map((setting) => [setting.variable, setting]));
  const given: GivenValue[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || !variable.startsWith(variablePrefix)) continue;
    const setting = known.get(variable);
    if (setting !== undefined) {
      const value = valueOfText(setting, text);
      given.push({ setting: setting.name, value, origin: variable });
    } else if (sections.some((each) => variable.startsWith(sectionPrefix(each)))) {
      problems.push(`${variable}: no such setting${didYouMean(variable, known.keys())}`);
    }
  }
  return given;
}

function sectionPrefix(section: string): string {
  return `${variablePrefix}${section.toUpperCase()}_`;
}

function check(
  given: readonly GivenValue[],
  origins: Map<string, string>,
  problems: string[],
): Config | undefined {
  const values = Object.fromEntries(sections.map((section) => [section, {} as object]));
  for (const { setting, value, origin } of given) {
    const found = findSetting(setting);
    if (found === undefined) throw new RangeError(`no setting ${setting}`);
    Object.assign(values[found.section] ?? {}, { [found.key]: value });
    origins.set(setting, origin);
  }
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(placed(issue, given, origins));
    return undefined;
  }
  const { paths, name } = parsed.data.models;
  if (name !== "" && paths.length > 1) {
    const place = origins.get("models.name");
    problems.push(`${place}: models.name: names one model, but there are ${paths.length} paths`);
  }
  return parsed.data;
}

type Issue = Parameters<typeof issueText>[0];

function placed(issue: Issue, given: readonly GivenValue[], origins: Map<string, string>): string {
  const [section, key, index] = issue.path.map(String);
  const name = `${section}.${key}`;
  const whole = given.findLast((each) => each.setting === name)?.value;
  const value = Array.isArray(whole) && index !== undefined ? whole[Number(index)] : whole;
  const place = index === undefined ? name : `${name}[${index}]`;
  const isSecret = findSetting(name)?.isSecret === true;
  return `${origins.get(name)}: ${place}: ${issueText(issue, isSecret ? "[redacted]" : value)}`;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}

/** Every setting with its value and where it came from, as YAML that could be used again. */
export function printConfig({ config, origins }: LoadedConfig): string {
  const lines: string[] = [];
  let section = "";
  for (const setting of settings) {
    if (setting.section !== section) {
      section = setting.section;
      lines.push(`${section}:`);
    }
    const group: Record<string, unknown> = config[setting.section as keyof Config];
    const value = setting.isSecret ? "[redacted]" : JSON.stringify(group[setting.key]);
    const text = `  ${setting.key}: ${value}`;
    lines.push(`${text.padEnd(44)} # ${origins.get(setting.name)}`);
  }
  return `${lines.join("\n")}\n`;
}
