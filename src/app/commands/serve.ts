/**
 * `millrace serve`: configuration -> log -> door (live 200, the rest 503) -> models -> ready.
 *
 * The order of starting and stopping is decided in `life/`; here are its edges.
 */
import { ServingError, setV8Flags, systemClock } from "../../base/index.ts";
import type { GrpcDoor } from "../../doors/grpc/index.ts";
import type { RestDoor } from "../../doors/rest/index.ts";
import { createLog, type Log } from "../../observe/index.ts";
import { type Core, composeCore, type DoorSettings, type GrpcSettings } from "../compose.ts";
import { printConfig } from "../config/config.ts";
import { type ConfigFlags, findConfig } from "../config/find-config.ts";
import type { Config } from "../config/schema.ts";
import { coreOptions, doorSettings, grpcSettings } from "../core-options.ts";
import { Lifecycle, type LifeEdges } from "../life/lifecycle.ts";
import { startWatchdog } from "../life/watchdog.ts";
import { CommandError, exitCodes, ProgressLine, say } from "../terminal.ts";
import { listenError, readyBlock, targetOf, urlOf } from "./serve-words.ts";

/** The longest wait for readers of the last answers, in a drain that is in time or too late. */
const lastBytesMsMax = 5_000;
const cutOffBytesMsMax = 500;

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
  const server = new Server(config, log, {
    rest: doorSettings(config),
    grpc: grpcSettings(config),
  });
  await server.start();
}

interface Settings {
  readonly rest: DoorSettings;
  readonly grpc: GrpcSettings | undefined;
}

class Server {
  readonly #config: Config;
  readonly #log: Log;
  readonly #core: Core;
  readonly #life: Lifecycle;
  readonly #startedAtMs = performance.now();
  readonly #progress = new ProgressLine();
  readonly #settings: Settings;
  #door: RestDoor | undefined;
  #grpc: GrpcDoor | undefined;
  #lastBytesMsMax = lastBytesMsMax;
  /** Keeps the process alive until `exit`. */
  readonly #anchor = setInterval(() => {}, 2 ** 30);

  constructor(config: Config, log: Log, settings: Settings) {
    this.#config = config;
    this.#log = log;
    this.#settings = settings;
    this.#core = composeCore({ ...coreOptions(config), log });
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
      await this.#core.loadModels((done, total) => {
        if (total > 1) this.#progress.show(`loading models ${done}/${total}`);
      });
      this.#life.loaded();
    } catch (thrown) {
      this.#progress.clear();
      this.#life.fault("the start failed", thrown);
    }
  }

  async #openDoors(): Promise<void> {
    const { server } = this.#config;
    this.#door = await this.#core.openDoor(this.#settings.rest).catch((thrown) => {
      throw listenError(thrown, { ...server, flag: "--port" });
    });
    const settings = this.#settings.grpc;
    if (settings === undefined) return;
    this.#grpc = await this.#core.openGrpc(settings).catch((thrown) => {
      throw listenError(thrown, { ...settings, flag: "--grpc-port" });
    });
  }

  /** Where callers find the doors. */
  #places(): { readonly url: string; readonly grpc: string | undefined } {
    const { rest, grpc } = this.#settings;
    const url = urlOf(rest.host, this.#door?.port ?? 0, rest.tls !== undefined);
    const host = grpc?.host ?? "";
    return { url, grpc: this.#grpc === undefined ? undefined : targetOf(host, this.#grpc.port) };
  }

  /** Those that are open. */
  get #doors(): readonly (RestDoor | GrpcDoor)[] {
    return [this.#door, this.#grpc].filter((door) => door !== undefined);
  }

  /** The sum of a figure of the open doors. */
  #total(read: (door: RestDoor | GrpcDoor) => number): number {
    return this.#doors.reduce((sum, door) => sum + read(door), 0);
  }

  #edges(): LifeEdges {
    const { service } = this.#core;
    return {
      announceReady: () => this.#announceReady(),
      announceDraining: () => {
        service.phase = "draining";
        for (const door of this.#doors) door.announceClose();
        this.#log.info("draining");
      },
      // The door stays open to say DRAINING: a closed port would reset callers that just arrived.
      refuseWork: () => {
        service.phase = "stopped";
        this.#door?.drainSockets();
      },
      cutOff: () => {
        this.#lastBytesMsMax = cutOffBytesMsMax;
        this.#core.hurry();
        service.metrics.limitHits.add("shutdownMsMax");
        for (const served of service.servedVersions()) served.refuse();
        const message = "the server is stopping: try another one";
        const error = new ServingError("DRAINING", message);
        for (const door of this.#doors) door.refuseArriving(error);
      },
      // From the end of a request's headers: its body may still be arriving.
      pendingCount: () => this.#total((door) => door.openWork) + service.streams.awaited,
      stopWorkers: async () => {
        await this.#core.close();
        await this.#lastBytes();
        await Promise.all(this.#doors.map((door) => door.close()));
      },
      exit: (code) => {
        clearInterval(this.#anchor);
        this.#log.info("stopped", { exit_code: code });
        void this.#log.flush().then(() => process.exit(code));
      },
    };
  }

  /**
   * Answers may still be on their way to slow readers. Closing the port ends each connection that
   * has no request, even one whose answer is not all sent; so that comes after it is.
   */
  async #lastBytes(): Promise<void> {
    const endMs = performance.now() + this.#lastBytesMsMax;
    const waitFor = async (isDone: () => boolean): Promise<void> => {
      while (!isDone() && performance.now() < endMs) {
        await new Promise((done) => setTimeout(done, 10));
      }
    };
    await waitFor(() => this.#total((door) => door.unsentConnections) === 0);
    for (const door of this.#doors) door.stop();
    await waitFor(() => this.#total((door) => door.connections) === 0);
  }

  #announceReady(): void {
    const { service } = this.#core;
    service.phase = "serving";
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
