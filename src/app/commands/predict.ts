/**
 * `millrace predict`: one request, answered by a running server or by a model file.
 *
 * A file is served by the same code on a loopback port that nobody else is told of, so the command
 * and the server cannot give different answers.
 */
import { createLog, escapeControls } from "../../observe/index.ts";
import { composeCore } from "../compose.ts";
import { type ConfigFlags, findConfig } from "../config/find-config.ts";
import { coreOptions, doorSettings } from "../core-options.ts";
import { CommandError, exitCodes, ProgressLine, print, say } from "../terminal.ts";
import { type RequestBody, readInput } from "./read-input.ts";

export interface PredictFlags extends ConfigFlags {
  readonly input: string;
  readonly url?: string;
  readonly modelVersion?: string;
}

/** Prints the answer as JSON; a refusal goes to stderr with exit code 1. */
export async function predict(model: string, flags: PredictFlags): Promise<void> {
  const body = await readInput(flags.input);
  if (flags.url !== undefined) {
    await ask(flags.url, body, { model, version: flags.modelVersion });
    return;
  }
  const { config } = await findConfig([model], flags);
  const log = createLog({ level: "warn", format: config.log.format });
  const core = composeCore({ ...coreOptions(config), log, fronts: 1 });
  const progress = new ProgressLine();
  try {
    progress.show(`loading ${model}`);
    await core.loadModels();
    progress.clear();
    core.service.phase = "serving";
    const own = { host: "127.0.0.1", port: 0, listenSockets: 1, tls: undefined };
    const settings = { ...doorSettings(config), ...own };
    const door = await core.openDoor(settings);
    try {
      const name = core.service.needModel();
      await ask(`http://127.0.0.1:${door.port}`, body, {
        model: name,
        version: flags.modelVersion,
      });
    } finally {
      await door.close();
    }
  } finally {
    progress.clear();
    await core.close();
    await log.flush();
  }
}

interface Wanted {
  readonly model: string;
  readonly version: string | undefined;
}

async function ask(url: string, body: RequestBody, { model, version }: Wanted): Promise<void> {
  const base = url.endsWith("/") ? url.slice(0, -1) : url;
  const reply = await post(routeOf(base, body, { model, version }), body.text);
  if (reply.status === 200) {
    print(reply.text);
    return;
  }
  say(`error: ${reply.status} ${escapeControls(errorText(reply.text))}`);
  process.exitCode = exitCodes.failed;
}

/** `INVALID_INPUT: age: missing`; the whole reply when it is not of ours. */
function errorText(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    const isOurs = typeof body === "object" && body !== null && "error" in body && "code" in body;
    return isOurs ? `${body.code}: ${body.error}` : text;
  } catch {
    // Not JSON: somebody else's server.
    return text;
  }
}

function routeOf(base: string, body: RequestBody, { model, version }: Wanted): string {
  const name = encodeURIComponent(model);
  if (body.dialect === "oip") {
    const part = version === undefined ? "" : `/versions/${encodeURIComponent(version)}`;
    return `${base}/v2/models/${name}${part}/infer`;
  }
  const part = version === undefined ? "" : `&model_version=${encodeURIComponent(version)}`;
  return `${base}/predict?model=${name}${part}`;
}

async function post(url: string, text: string): Promise<{ status: number; text: string }> {
  try {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(url, { method: "POST", headers, body: text });
    return { status: reply.status, text: await reply.text() };
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    const reason = cause instanceof Error ? cause.message : String(thrown);
    throw new CommandError(`${url} does not answer: ${reason}`);
  }
}
