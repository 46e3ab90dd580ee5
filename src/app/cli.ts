/**
 * The command line: names, options, help. Each command's code is loaded when it is called.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { buildVersion } from "./build-version.ts";
import { exitCodes } from "./terminal.ts";

const exitHelp = `
Exit codes: 0 done; 1 it failed (a model did not load, a request was refused, a drain took too
long); 2 wrong usage or configuration.`;

/** Runs a command. @param words the arguments, without node and script @returns the exit code */
export async function runCli(words: readonly string[]): Promise<number> {
  const program = new Command("millrace")
    .description("Serves trained models over REST and gRPC: batched, isolated, measured.")
    .version(buildVersion(), "-v, --version")
    .exitOverride()
    .showHelpAfterError("(millrace COMMAND --help says more)")
    .addHelpText("after", `${exitHelp}\n\nFirst steps:\n  millrace serve model.onnx`);
  addServe(program);
  addInspect(program);
  addTypes(program);
  addPredict(program);
  addBench(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...words], { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : exitCodes.done;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    const isShown = thrown.exitCode === 0 || (thrown.code === "commander.help" && !words.length);
    return isShown ? exitCodes.done : exitCodes.usage;
  }
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new InvalidArgumentError("expected a number");
  }
  return value;
}

function count(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError("expected a whole number, 1 or more");
  }
  return value;
}

function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

function addModelOptions(command: Command): Command {
  return command
    .option("--name <name>", "name of the model; default: from its file or folder")
    .option("--config <file>", "configuration file; default: ./millrace.yaml if there is one")
    .option("--instances <count|auto>", "loaded copies of each model", (text) =>
      text === "auto" ? text : number(text),
    )
    .option("--threads <count>", "threads of one run of the engine", number)
    .option("--batch-items-max <count>", "largest batch; 1 turns batching off", number)
    .option("--batch-delay-ms <ms>", "longest wait for company", number)
    .option("--set <section.key=value>", "any other setting; may be repeated", collect, []);
}

function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("Serve models: files, packages, repositories (Triton's too).")
    .argument("[paths...]", "model.onnx, a package's folder, or a repository")
    .option("--host <address>", "address to listen on (default 0.0.0.0)")
    .option("--port <number>", "port; 0 picks a free one (default 8000)", number)
    .option("--fronts <count|auto>", "processes that answer the network (default 1)", (text) =>
      text === "auto" ? text : number(text),
    )
    .option("--unix-socket <path>", "listen on a Unix socket too")
    .option("--grpc-port <number>", "port of the gRPC door (default 8001)", number)
    .option("--no-grpc", "open no gRPC door");
  addModelOptions(command)
    .option("--workers-share", "run all models in one worker process")
    .option("--log-level <level>", "debug, info, warn, error or silent")
    .option("--log-format <format>", "json, text or auto")
    .option("--print-config", "show every setting and where it comes from, then end")
    .addHelpText(
      "after",
      `${exitHelp}

Examples:
  millrace serve model.onnx
  millrace serve models/churn models/digits --port 9000
  millrace serve triton-repository/ --workers-share
  MILLRACE_LOG_LEVEL=debug millrace serve model.onnx --batch-delay-ms 10
  millrace serve model.onnx --set limits.queueItemsMax=100 --print-config`,
    )
    .action(async (paths: string[], flags: object) => {
      const { serve } = await import("./commands/serve.ts");
      await serve(paths, flags);
    });
}

function addInspect(program: Command): void {
  program
    .command("inspect")
    .description("Show what is known about a model: signature, operators, layout, warnings.")
    .argument("<path>", "model.onnx, a package's folder, or a repository")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `${exitHelp}

Examples:
  millrace inspect model.onnx
  millrace inspect models/churn --json`,
    )
    .action(async (path: string, flags: object) => {
      const { inspect } = await import("./commands/inspect.ts");
      await inspect(path, flags);
    });
}

function addTypes(program: Command): void {
  program
    .command("types")
    .description("Write a .d.ts of models, so that the TypeScript client knows their features.")
    .argument("<model>", "model.onnx, a package's folder, a repository, or URL of a server")
    .option("--out <file>", "write to a file; default: stdout")
    .addHelpText(
      "after",
      `${exitHelp}

The declaration adds to MillraceModels of @millrace/client: with it, a wrong feature name in
client.predict("churn", {...}) is a compile error.

Examples:
  millrace types models/churn > src/millrace-models.d.ts
  millrace types http://127.0.0.1:8000 --out src/millrace-models.d.ts
  millrace types http://127.0.0.1:8000/models/churn`,
    )
    .action(async (model: string, flags: object) => {
      const { types } = await import("./commands/types.ts");
      await types(model, flags);
    });
}

function addPredict(program: Command): void {
  const command = program
    .command("predict")
    .description("Answer one request: by a model file, without a server, or by a running server.")
    .argument("<model>", "path of a model, or its name with --url")
    .requiredOption("--input <file>", "JSON body, a row [5.1, 3.5] or {field: value}; - is stdin")
    .option("--url <url>", "a running server, for example http://127.0.0.1:8000")
    .option("--model-version <version>", "a version or an alias; default: `stable`");
  addModelOptions(command)
    .addHelpText(
      "after",
      `${exitHelp}

Examples:
  echo '[5.1, 3.5, 1.4, 0.2]' | millrace predict iris.onnx --input -
  millrace predict models/churn --input row.json
  millrace predict churn --url http://127.0.0.1:8000 --input row.json`,
    )
    .action(async (model: string, flags: { input: string }) => {
      const { predict } = await import("./commands/predict.ts");
      await predict(model, flags);
    });
}

function addBench(program: Command): void {
  program
    .command("bench")
    .description("Measure latency: closed loop, or open loop at a fixed rate.")
    .argument("<target>", "URL of a server or of one of its routes, or path of a model")
    .option("-c, --connections <count>", "connections (default 1, open loop 64)", count)
    .option(
      "--rate <per-second>",
      "open loop: requests a second, sent whatever the answers do",
      number,
    )
    .addOption(
      new Option("--arrivals <kind>", "open loop: random or even spacing")
        .choices(["poisson", "constant"])
        .default("poisson"),
    )
    .option("-d, --duration <seconds>", "how long to measure (default 10)", number)
    .option("-n, --requests <count>", "measure this many requests instead", count)
    .option("--warmup <seconds>", "not measured, before (default 1)", number)
    .option("--model <name>", "which model of the server; default: the only one")
    .option("--input <file>", "JSON body; default: the server's own example")
    .option("--seed <number>", "of the random arrivals", number)
    .option("--json", "figures as JSON on stdout")
    .addHelpText(
      "after",
      `${exitHelp}

Open loop: a request counts from the instant it was due, so a slow server cannot hide by slowing
the generator (no coordinated omission).

Examples:
  millrace bench http://127.0.0.1:8000 -c 64 -d 30
  millrace bench http://127.0.0.1:8000 --rate 2000 --arrivals poisson
  millrace bench model.onnx -n 10000 --json`,
    )
    .action(async (target: string, flags: { arrivals: "poisson" | "constant" }) => {
      const { bench } = await import("./commands/bench.ts");
      await bench(target, flags);
    });
}
