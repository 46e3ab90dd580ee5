/**
 * `npm run demo`: starts the real server on the demo models, shows real requests answered, batched
 * and measured, and stays up with the URLs printed.
 *
 *   npm run demo                 the models under models/
 *   npm run demo -- PATH         a model, package or repository of your own
 *   npm run demo -- --once       ends after the requests; exit code 1 when an answer was wrong
 */
import { makeClient } from "./client.ts";
import { showAlone, showCrowd, showFigures } from "./crowd.ts";
import { Show } from "./exchange-view.ts";
import { showRequests } from "./model-requests.ts";
import { type ModelDetails, modelDetails, showOwnModel } from "./own-model.ts";
import { pathFromRoot, type StartedServer, serveWords, startServer } from "./started-server.ts";
import { bold, cyan, dim, green, ProgressLine, red, say } from "./terminal.ts";

interface Wish {
  /** A path of the user's own, or `undefined` for the demo models. */
  readonly path: string | undefined;
  readonly isOnce: boolean;
}

const usage = "usage: npm run demo -- [--once] [PATH]";

function readWish(words: readonly string[]): Wish | undefined {
  const flags = words.filter((word) => word.startsWith("-"));
  const paths = words.filter((word) => !word.startsWith("-"));
  if (flags.some((flag) => flag !== "--once") || paths.length > 1) return undefined;
  const path = paths[0] === undefined ? undefined : pathFromRoot(paths[0]);
  return { path, isOnce: flags.length > 0 };
}

async function start(path: string): Promise<StartedServer> {
  say(bold("millrace demo"));
  const progress = new ProgressLine("starting the server and loading models");
  try {
    const server = await startServer(path);
    const { seconds } = progress;
    progress.end();
    if (server.isOtherPort) say(`  port 8000 is taken, so this is port ${server.port}`);
    say(`  ${dim("$")} node ${serveWords(path, server.port).join(" ")}`);
    say(`  ready after ${seconds} s at ${cyan(server.url)}`);
    return server;
  } catch (thrown) {
    progress.end();
    throw thrown;
  }
}

function sayWhere(url: string, models: readonly ModelDetails[]): void {
  say();
  say(bold("The server stays up:"));
  say(`  try it in a browser   ${cyan(`${url}/docs`)}`);
  say(`  OpenAPI               ${cyan(`${url}/openapi.json`)}`);
  say(`  metrics               ${cyan(`${url}/metrics`)}`);
  say(`  protocol v2           ${cyan(`${url}/v2`)}`);
  say();
  say(bold("Copy a line:"));
  for (const { name, example } of models) {
    if (example === undefined) continue;
    const body = JSON.stringify(example).replaceAll("'", "'\\''");
    if (body.length > 200) continue;
    say(`  curl '${url}/predict?model=${encodeURIComponent(name)}' -d '${body}'`);
  }
  say();
  say(dim("Ctrl-C stops it."));
}

/** Runs the demo; gives the exit code. */
async function demo(wish: Wish): Promise<number> {
  const path = wish.path ?? "models";
  const server = await start(path);
  const stopping = stopOnSignal(server);
  const client = makeClient(server.url);
  const show = new Show();
  try {
    const models = await modelDetails(client);
    if (wish.path === undefined) {
      await showRequests(client, show);
      await showCrowd(client, show);
      await showAlone(client, show);
      await showFigures(client, show);
    } else {
      for (const model of models) await showOwnModel(client, show, model);
      await showFigures(client, show);
    }
    say();
    const count = show.checked === 1 ? "1 answer" : `${show.checked} answers`;
    if (show.wrong === 0) say(green(`${count}, all as they should be.`));
    else say(red(`${show.wrong} of ${count} were wrong.`));
    if (wish.isOnce) return show.wrong === 0 ? 0 : 1;
    sayWhere(server.url, models);
    server.showOutput();
    await stopping;
    return show.wrong === 0 ? 0 : 1;
  } finally {
    client.close();
    const code = await server.stop();
    if (!wish.isOnce) say(dim(`The server ended with code ${code}.`));
  }
}

/** Settles when the demo is told to end, or the server ends by itself. */
function stopOnSignal(server: StartedServer): Promise<unknown> {
  const signal = new Promise<void>((done) => {
    process.once("SIGINT", () => done());
    process.once("SIGTERM", () => done());
  });
  return Promise.race([signal, server.ended]);
}

const wish = readWish(process.argv.slice(2));
if (wish === undefined) {
  say(usage);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await demo(wish);
  } catch (thrown) {
    say(red(thrown instanceof Error ? thrown.message : String(thrown)));
    process.exitCode = 1;
  }
}
