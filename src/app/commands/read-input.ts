/**
 * Reads the `--input` of a command and finds the route that takes it.
 *
 * What a person writes down is a row or a row's fields; both become a body of the simple dialect. A
 * body of the Open Inference Protocol is known by its `inputs` list and goes to its own route.
 */
import { readFile } from "node:fs/promises";
import { CommandError, exitCodes } from "../terminal.ts";

export interface RequestBody {
  /** `simple` goes to /predict, `oip` to /v2/models/M/infer. */
  readonly dialect: "simple" | "oip";
  readonly text: string;
}

/** @throws CommandError when the file cannot be read or is no JSON */
export async function readInput(file: string): Promise<RequestBody> {
  const name = file === "-" ? "standard input" : file;
  const text = file === "-" ? await readStdin() : await readText(file);
  try {
    return bodyOf(text, JSON.parse(text));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new CommandError(`${name}: expected JSON: ${reason}`, exitCodes.usage);
  }
}

/**
 * The body that a given value means; the caller's own digits are kept.
 *
 * @param text the value as it was written
 */
export function bodyOf(text: string, value: unknown): RequestBody {
  if (Array.isArray(value)) {
    const isRows = value.some((each) => typeof each === "object" && each !== null);
    return { dialect: "simple", text: `{"${isRows ? "instances" : "features"}":${text}}` };
  }
  if (typeof value === "string") return { dialect: "simple", text: `{"text":${text}}` };
  const isTensors =
    typeof value === "object" && value !== null && "inputs" in value && Array.isArray(value.inputs);
  return { dialect: isTensors ? "oip" : "simple", text };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "";
    const reason = code === "ENOENT" ? "no such file" : `cannot be read (${code})`;
    throw new CommandError(`${file}: ${reason}`, exitCodes.usage);
  }
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}
