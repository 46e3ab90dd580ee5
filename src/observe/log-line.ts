/**
 * Turns a JSON log line into one that a person reads in a terminal.
 *
 *   12:30:01.250 warn  the queue is full  code=QUEUE_FULL model=churn
 *
 * A cause with several lines follows indented. Control characters inside values are escaped by the
 * JSON form that values with blanks keep, so a caller's text cannot move the cursor.
 */

const colours: { readonly [level: string]: string } = {
  debug: "\u001b[2m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const plain = "\u001b[0m";

/**
 * The readable form of `line`, which ends in a line break; what is not JSON passes unchanged.
 *
 * @param hasColours the level is coloured, for a terminal
 */
export function lineText(line: string, hasColours: boolean): string {
  const fields = parse(line);
  if (fields === undefined) return line;
  const { level, time, message, err, cause = err, ...rest } = fields;
  const name = String(level);
  const clock = String(time).slice(11, 23);
  const values = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${valueText(value)}`)
    .join(" ");
  const said = escapeControls(String(message ?? ""));
  const shown = name.padEnd(5);
  const head = `${clock} ${hasColours ? `${colours[name] ?? ""}${shown}${plain}` : shown} ${said}`;
  const tail = values === "" ? "" : `  ${values}`;
  return `${head}${tail}\n${causeLines(cause)}`;
}

function parse(line: string): { [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not a JSON line: shown as it is.
    return undefined;
  }
}

function valueText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain = !value.includes(" ") && escapeControls(value) === value;
  return isPlain ? value : escapeControls(JSON.stringify(value));
}

function causeLines(cause: unknown): string {
  if (typeof cause !== "string") return "";
  return cause
    .split("\n")
    .map((line) => `    ${escapeControls(line)}\n`)
    .join("");
}

/** `text` with control characters as `\\uXXXX`: it comes from callers and model files. */
export function escapeControls(text: string): string {
  let shown = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    shown += isControl ? `\\u${code.toString(16).padStart(4, "0")}` : character;
  }
  return shown;
}
