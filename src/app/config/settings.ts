/**
 * The flat list of settings that the schema holds: `server.port` and its environment variable.
 *
 * The configuration has exactly two levels, section and key, so that flags, variables and the
 * reference page can name every setting the same way.
 */
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** One setting. */
export interface Setting {
  /** `server.port` */
  readonly name: string;
  readonly section: string;
  readonly key: string;
  /** `MILLRACE_SERVER_PORT` */
  readonly variable: string;
  readonly schema: z.core.$ZodType;
  /** Its value is never shown. */
  readonly isSecret: boolean;
}

export const variablePrefix = "MILLRACE_";

/** `queueItemsMax` -> `QUEUE_ITEMS_MAX` */
function upperSnake(name: string): string {
  let text = "";
  for (const letter of name) {
    text += letter >= "A" && letter <= "Z" ? `_${letter}` : letter.toUpperCase();
  }
  return text;
}

/** The names of the sections, in the order of the schema. */
export const sections: readonly string[] = Object.keys(configSchema.shape);

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = Object.entries(configSchema.shape).flatMap(
  ([section, schema]) => {
    const keys = Object.entries(schema.def.innerType.shape) as [string, z.core.$ZodType][];
    return keys.map(([key, inner]) => ({
      name: `${section}.${key}`,
      section,
      key,
      variable: `${variablePrefix}${upperSnake(section)}_${upperSnake(key)}`,
      schema: inner,
      isSecret: z.globalRegistry.get(inner)?.["secret"] === true,
    }));
  },
);

/** One entry for each setting. */
const byName = new Map(settings.map((setting) => [setting.name, setting]));

/** The setting of a name such as `server.port`. */
export function findSetting(name: string): Setting | undefined {
  return byName.get(name);
}

/**
 * A value out of the text of a flag or variable.
 *
 * Lists are cut at `:` (the path separator) or where their schema says, because what they hold has
 * colons of its own; lists of words at commas as well. Text that reads as a number is one where the
 * setting is not a string. What does not fit passes as text, and the schema refuses it by name.
 */
export function valueOfText(setting: Setting, text: string): unknown {
  const schema = setting.schema instanceof z.ZodDefault ? setting.schema.def.innerType : undefined;
  if (schema instanceof z.ZodString) return text;
  if (schema instanceof z.ZodArray) {
    const separator = z.globalRegistry.get(setting.schema)?.["separator"];
    const isWords = schema.element instanceof z.ZodEnum;
    const cut = isWords ? text.replaceAll(",", ":").replaceAll(" ", "") : text;
    return cut.split(String(separator ?? ":")).filter((part) => part !== "");
  }
  if (schema instanceof z.ZodBoolean) return booleans.get(text.toLowerCase()) ?? text;
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}

/** Static: the spellings of true and false. */
const booleans = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["false", false],
  ["0", false],
  ["no", false],
]);
