/**
 * `millrace serve`: configuration -> log -> door (live 200, the rest 503) -> models -> ready.
 *
 * The order of starting and stopping is decided in `life/`; here are its edges.
 */
import { availableParallelism } from "node:os";
import { ServingError, setV8Flags, systemClock, systemRandom } from "../../base/index.ts";
import { createLog, type Log } from "../../observe/index.ts";
import { buildVersion } from "../build-version.ts";
import { type Core, composeCore, type DoorSettings, type GrpcSettings } from "../compose.ts";
import { printConfig } from "../config/config.ts";
import { type ConfigFlags, findConfig } from "../config/find-config.ts";
import type { Config } from "../config/schema.ts";
import { coreOptions, doorSettings, grpcSettings } from "../core-options.ts";
import { frontCount } from "../fronts/front-count.ts";
import { FrontPool } from "../fronts/front-pool.ts";
import { Doors } from "../life/doors.ts";
import { Lifecycle, type LifeEdges } from "../life/lifecycle.ts";
import { startWatchdog } from "../life/watchdog.ts";
import { CommandError, exitCodes, ProgressLine, say } from "../terminal.ts";
import { listenError, readyBlock, targetOf, urlOf } from "./serve-words.ts";

export interface ServeFlags extends ConfigFlags {
  readonly printConfig?: boolean;
}

/**
 * Runs until a signal ends the process. @throws ConfigError, CommandError before anything started
 */
export async function serve(paths: readonly string[], flags: ServeFlags): Promise<void> {
  const loaded = await findConfig(paths, flags);
  const { config } = loaded;
  if (flags.printConfig === true) {
    process.stdout.write(printConfig(loaded));
    return;
  }
  if (config.models.paths.length === 0) {
    const message = "no model: name a path, for example `millrace serve model.onnx`";
    throw new CommandError(message, exitCodes.usage);
  }
  const log = createLog(config.log);
  // Before anything that keeps the process alive: it reads files that may not be there.
  const cores = availableParallelism();
  const fronts = frontCount(config, { cores, platform: process.platform });
  const settings = { rest: doorSettings(config), grpc: grpcSettings(config) };
  const server = new Server(config, { log, fronts, settings });
  await server.start();
}

interface Settings {
  readonly rest: DoorSettings;
  readonly grpc: GrpcSettings | undefined;
}

interface Means {
  readonly log: Log;
  /** Processes that answer the network, this one included. */
  readonly fronts: number;
  readonly settings: Settings;
}

class Server {
  readonly #config: Config;
  readonly #log: Log;
  readonly #core: Core;
  readonly #life: Lifecycle;
  readonly #startedAtMs = performance.now();
  readonly #progress = new ProgressLine();
  readonly #settings: Settings;
  readonly #doors = new Doors();
  /** The other fronts, where there are any. */
  readonly #fronts: FrontPool | undefined;
  /** Keeps the process alive until `exit`. */
  readonly #anchor = setInterval(() => {}, 2 ** 30);

  constructor(config: Config, { log, fronts, settings }: Means) {
    this.#config = config;
    this.#log = log;
    this.#settings = settings;
    this.#core = composeCore({ ...coreOptions(config), log, fronts });
    if (fronts > 1) {
      const [clock, random, core] = [systemClock, systemRandom, this.#core];
      const build = buildVersion();
      this.#fronts = new FrontPool({ config, count: fronts, core, log, clock, random, build });
    }
    const { limits } = config;
    this.#life = new Lifecycle({ edges: this.#edges(), clock: systemClock, limits, log });
    process.on("SIGTERM", () => this.#life.stop(false));
    process.on("SIGINT", () => this.#life.stop(process.stdin.isTTY === true));
    process.on("uncaughtException", (thrown) => this.#life.fault("a fault of ours", thrown));
    process.on("unhandledRejection", (thrown) => this.#life.fault("a fault of ours", thrown));
  }

  async start(): Promise<void> {
    try {
      await this.#openDoors();
      this.#log.info("listening", { ...this.#places(), pid: process.pid });
      this.#fronts?.start();
      await this.#core.loadModels((done, total) => {
        if (total > 1) this.#progress.show(`loading models ${done}/${total}`);
      });
      const [port, grpcPort] = [this.#doors.rest?.port ?? 0, this.#doors.grpc?.port];
      await this.#fronts?.open({ port, grpcPort });
      this.#life.loaded();
    } catch (thrown) {
      this.#progress.clear();
      this.#life.fault("the start failed", thrown);
    }
  }

  async #openDoors(): Promise<void> {
    const { server } = this.#config;
    const sharing = this.#fronts === undefined ? undefined : "first";
    const { rest, grpc } = this.#settings;
    this.#doors.rest = await this.#core.openDoor({ ...rest, sharing }).catch((thrown) => {
      throw listenError(thrown, { ...server, flag: "--port" });
    });
    if (grpc === undefined) return;
    this.#doors.grpc = await this.#core.openGrpc({ ...grpc, sharing }).catch((thrown) => {
      throw listenError(thrown, { ...grpc, flag: "--grpc-port" });
    });
  }

  /** Where callers find the doors. */
  #places(): { readonly url: string; readonly grpc: string | undefined } {
    const { rest, grpc } = this.#settings;
    const open = this.#doors;
    const url = urlOf(rest.host, open.rest?.port ?? 0, rest.tls !== undefined);
    const host = grpc?.host ?? "";
    return { url, grpc: open.grpc === undefined ? undefined : targetOf(host, open.grpc.port) };
  }

  #edges(): LifeEdges {
    const { service } = this.#core;
    return {
      announceReady: () => this.#announceReady(),
      announceDraining: () => {
        service.phase = "draining";
        this.#fronts?.setPhase("draining");
        this.#doors.announceClose();
        this.#log.info("draining");
      },
      // The door stays open to say DRAINING: a closed port would reset callers that just arrived.
      refuseWork: () => {
        service.phase = "stopped";
        this.#fronts?.setPhase("stopped");
        this.#doors.drainSockets();
      },
      cutOff: () => {
        this.#doors.hurry();
        this.#core.hurry();
        this.#fronts?.cutOff();
        service.metrics.limitHits.add("shutdownMsMax");
        for (const served of service.servedVersions()) served.refuse();
        const message = "the server is stopping: try another one";
        const error = new ServingError("DRAINING", message);
        this.#doors.refuseArriving(error);
      },
      // From the end of a request's headers: its body may still be arriving.
      pendingCount: () =>
        this.#doors.openWork + service.streams.awaited + (this.#fronts?.pending ?? 0),
      stopWorkers: async () => {
        await this.#fronts?.end();
        await this.#core.close();
        await this.#doors.lastBytes();
        await this.#doors.close();
      },
      exit: (code) => {
        clearInterval(this.#anchor);
        this.#fronts?.kill();
        this.#log.info("stopped", { exit_code: code });
        void this.#log.flush().then(() => process.exit(code));
      },
    };
  }

  #announceReady(): void {
    const { service } = this.#core;
    service.phase = "serving";
    this.#fronts?.setPhase("serving");
    this.#progress.clear();
    const { dialects, unixSocket } = this.#config.server;
    const places = this.#places();
    const tookMs = Math.round(performance.now() - this.#startedAtMs);
    this.#log.info("serving", { ...places, took_ms: tookMs, models: service.registry.models.size });
    const { format } = this.#config.log;
    const isForPeople = format === "text" || (format === "auto" && process.stderr.isTTY === true);
    const hasDocs = this.#config.docs.enabled;
    if (isForPeople) say(readyBlock(service, { ...places, hasDocs, dialects, unixSocket }));
    startWatchdog();
    setV8Flags();
  }
}
