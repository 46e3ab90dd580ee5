/**
 * A front that is not the primary: doors, batchers and counters of its own; versions, workers,
 * health and the end of its life are told by the primary.
 */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { ServingError, setV8Flags, systemClock } from "../../base/index.ts";
import { startGrpcDoor } from "../../doors/grpc/index.ts";
import { startRestDoor } from "../../doors/rest/index.ts";
import { LinkedWorkers } from "../../engine/index.ts";
import {
  createLog,
  figuresOf,
  type Log,
  ProcessUsage,
  ServerMetrics,
} from "../../observe/index.ts";
import type { SuspectNews } from "../../predict/index.ts";
import { Registry } from "../../registry/index.ts";
import {
  adoptVersions,
  type InstanceSeed,
  type RegistrySeed,
  retire,
  SampleWatch,
  type ServedVersion,
  type ServerPhase,
  Service,
  shareOfLimits,
} from "../../service/index.ts";
import { buildVersion } from "../build-version.ts";
import { listenError } from "../commands/serve-words.ts";
import { logStanding } from "../compose.ts";
import { doorSettings, grpcSettings } from "../core-options.ts";
import { Doors } from "../life/doors.ts";
import { startWatchdog } from "../life/watchdog.ts";
import { ControlAsker } from "./control-asker.ts";
import type { FromFront, OpenOrder, ToFront } from "./messages.ts";
import { usageFigures } from "./usage-figures.ts";
import { WholeAsker } from "./whole-asker.ts";

/** How long the workers are waited for before the doors open, ms. */
const workersMsMax = 5_000;
/** How often the primary is told what is pending while the server finishes, ms. */
const pendingMs = 20;

export class Front {
  readonly #order: OpenOrder;
  readonly #send: (message: FromFront) => void;
  readonly #log: Log;
  readonly #service: Service;
  readonly #workers: LinkedWorkers;
  /** By the number that the primary gave it; one for each that is served. */
  readonly #instances = new Map<number, ReturnType<LinkedWorkers["add"]>>();
  readonly #usage = new ProcessUsage(systemClock.wallMs());
  readonly #asker: WholeAsker;
  readonly #control: ControlAsker;
  readonly #watch: SampleWatch;
  readonly #doors = new Doors();

  constructor(order: OpenOrder, send: (message: FromFront) => void) {
    this.#order = order;
    this.#send = send;
    const { config, place, front, path } = order;
    const clock = systemClock;
    this.#log = createLog({ ...config.log, fields: { front: place.index } });
    const metrics = new ServerMetrics({ limits: config.limits, clock, build: buildVersion() });
    this.#service = new Service({
      registry: new Registry<ServedVersion>(config.models.defaultVersion),
      metrics,
      limits: shareOfLimits(config.limits, place),
      clock,
      defaultModel: config.simple.defaultModel,
    });
    this.#workers = new LinkedWorkers({ clock, front, path });
    this.#asker = new WholeAsker({ limits: config.limits, clock, build: buildVersion(), send });
    this.#service.gather = (ask) => this.#asker.gather(ask);
    this.#control = new ControlAsker(send);
    if (config.server.modelControl) this.#service.control = this.#control;
    this.#watch = new SampleWatch({
      clock,
      servedVersions: () => this.#service.servedVersions(),
      changed: (served, isFailing) => {
        logStanding(this.#log, served, isFailing);
        const { model, version } = served;
        send({ kind: "standing", news: { model, version, isFailing } });
      },
    });
    // The primary removes the folder, unless it was killed.
    process.on("exit", () => rmSync(dirname(path), { recursive: true, force: true }));
    process.on("uncaughtException", (thrown) => this.#fault(thrown));
    process.on("unhandledRejection", (thrown) => this.#fault(thrown));
  }

  /** Opens the doors once the workers have called. Never rejects: the primary is told. */
  async open(): Promise<void> {
    try {
      await this.#workers.listen();
      this.#adopt(this.#order.registry);
      this.#service.phase = this.#order.phase;
      this.#send({ kind: "listening" });
      await this.#workers.settled(workersMsMax);
      await this.#openDoors();
      this.#watch.start();
      startWatchdog();
      setV8Flags();
      this.#send({ kind: "opened" });
    } catch (thrown) {
      const message = ServingError.is(thrown) ? thrown.message : String(thrown);
      this.#send({ kind: "failed", message });
      await this.#exit(1);
    }
  }

  take(message: ToFront): void {
    switch (message.kind) {
      case "instance":
        this.#instances.get(message.number)?.update(message.state);
        return;
      case "registry":
        void this.#follow(message.id, message.registry);
        return;
      case "controlled":
        this.#control.answered(message.id, message.error);
        return;
      case "died":
        this.#workers.died(message.end);
        return;
      case "standing": {
        const { model, version, isFailing } = message.news;
        const served = this.#served(model, version);
        if (served !== undefined) served.standing.isFailingElsewhere = isFailing;
        return;
      }
      case "suspect": {
        const { model, version, suspect } = message.news;
        this.#served(model, version)?.learnSuspect(suspect);
        return;
      }
      case "phase":
        this.#setPhase(message.phase);
        return;
      case "cutOff":
        this.#cutOff();
        return;
      case "end":
        void this.#end();
        return;
      case "report": {
        const usage = usageFigures(this.#usage, message.ask);
        const form = { usage, hasWindows: message.ask.hasWindows, isPrimary: false };
        const figures = figuresOf(this.#service.metrics, form);
        this.#send({ kind: "figures", id: message.id, figures });
        return;
      }
      case "whole":
        this.#asker.answered(message.id, message.whole);
        return;
      case "open":
        return;
    }
  }

  #served(model: string, version: string): ServedVersion | undefined {
    return this.#service.registry.models.get(model)?.versions.get(version)?.served;
  }

  /** The primary serves something else now; settles when what is left here has ended. */
  async #follow(id: number, registry: RegistrySeed): Promise<void> {
    const msMax = this.#order.config.limits.shutdownMsMax;
    const left = this.#adopt(registry);
    await Promise.all(left.map((served) => retire(served, systemClock, msMax)));
    const instances = registry.versions.flatMap(({ served }) => served?.instances ?? []);
    const kept = new Set(instances.map(({ number }) => number));
    for (const number of this.#instances.keys()) {
      if (!kept.has(number)) this.#instances.delete(number);
    }
    this.#send({ kind: "adopted", id });
  }

  #adopt(registry: RegistrySeed): ServedVersion[] {
    const { config, place } = this.#order;
    const { metrics, clock } = this.#service;
    const options = {
      registry: this.#service.registry,
      metrics,
      clock,
      limits: config.limits,
      place,
      onSuspect: (name: { model: string; version: string }, suspect: SuspectNews) =>
        this.#send({ kind: "suspect", news: { ...name, suspect } }),
      addInstance: ({ number, state }: InstanceSeed) => {
        const instance = this.#workers.add(state);
        this.#instances.set(number, instance);
        return instance;
      },
    };
    return adoptVersions(options, registry);
  }

  async #openDoors(): Promise<void> {
    const { config, port, grpcPort } = this.#order;
    const [service, clock, log, usage] = [this.#service, systemClock, this.#log, this.#usage];
    const means = {
      service,
      clock,
      log,
      serverVersion: buildVersion(),
      sharing: "joins",
    } as const;
    const settings = { ...doorSettings(config), port, unixSocket: "" };
    const place = { host: config.server.host, port, flag: "--port" } as const;
    const rest = { ...settings, ...means, usage };
    this.#doors.rest = await startRestDoor(rest).catch((thrown) => {
      throw listenError(thrown, place);
    });
    const grpc = grpcSettings(config);
    if (grpc === undefined || grpcPort === undefined) return;
    const joined = { ...grpc, ...means, port: grpcPort };
    this.#doors.grpc = await startGrpcDoor(joined).catch((thrown) => {
      throw listenError(thrown, { ...grpc, port: grpcPort, flag: "--grpc-port" });
    });
  }

  #setPhase(phase: ServerPhase): void {
    const before = this.#service.phase;
    this.#service.phase = phase;
    if (phase === before) return;
    if (phase === "draining") this.#doors.announceClose();
    if (phase !== "stopped") return;
    this.#doors.drainSockets();
    const tell = (): void => {
      const count = this.#doors.openWork + this.#service.streams.awaited;
      this.#send({ kind: "pending", count });
    };
    tell();
    setInterval(tell, pendingMs);
  }

  #cutOff(): void {
    this.#doors.hurry();
    for (const served of this.#service.servedVersions()) served.refuse();
    const message = "the server is stopping: try another one";
    this.#doors.refuseArriving(new ServingError("DRAINING", message));
  }

  async #end(): Promise<void> {
    this.#watch.stop();
    await Promise.all(this.#service.servedVersions().map((served) => served.close()));
    await this.#doors.lastBytes();
    await this.#doors.close();
    this.#workers.close();
    await this.#exit(0);
  }

  async #exit(code: 0 | 1): Promise<void> {
    await this.#log.flush();
    process.exit(code);
  }

  #fault(thrown: unknown): void {
    this.#log.error("a fault of ours", { err: thrown });
    void this.#exit(1);
  }
}
