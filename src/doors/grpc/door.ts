/**
 * The gRPC door as a whole: its services, its server, its books.
 *
 * A service is one line here and one folder beside this file.
 */
import { type Clock, type CorsSettings, type ErrorCode, errorTable } from "../../base/index.ts";
import type { Log } from "../../observe/index.ts";
import { Books, type Service } from "../../service/index.ts";
import type { PortSharing, TlsParts } from "../../transport/index.ts";
import { healthService } from "./health/routes.ts";
import { oipService } from "./oip/routes.ts";
import { predictionService } from "./prediction/routes.ts";
import { reflectionNames, reflectionServices } from "./reflection/routes.ts";
import { type GrpcService, methodsByPath } from "./routes.ts";
import { sentimentService } from "./sentiment/routes.ts";
import { tfsServices } from "./tfs/routes.ts";
import { type GrpcServer, startGrpcServer } from "./transport/server.ts";
import type { Work } from "./transport/work.ts";

export interface GrpcDoorOptions {
  readonly service: Service;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Set where several fronts listen on the port. */
  readonly sharing?: PortSharing | undefined;
  readonly tls: TlsParts | undefined;
  readonly hasReflection: boolean;
  readonly keepAliveMs: number;
  /** Which pages of browsers may call. */
  readonly cors: CorsSettings;
  /** False refuses calls of browsers (gRPC-Web). */
  readonly hasWeb: boolean;
  readonly serverName: string;
  readonly serverVersion: string;
}

export type GrpcDoor = GrpcServer;

/** Opens the door. @throws the system's error when the port cannot be had */
export async function startGrpcDoor(options: GrpcDoorOptions): Promise<GrpcDoor> {
  const { service, clock, log } = options;
  const books = new Books(service, log);
  const services = servicesOf(options);
  const { grpc: counts, limitHits } = service.metrics;
  const { isDebug } = log;
  const server = await startGrpcServer({
    host: options.host,
    port: options.port,
    sharing: options.sharing,
    tls: options.tls,
    keepAliveMs: options.keepAliveMs,
    cors: options.cors,
    hasWeb: options.hasWeb,
    limits: service.limits,
    unread: service.unread,
    clock,
    methods: methodsByPath(services),
    admit: () => service.admit(),
    finished(work, code, error) {
      books.book(work, { door: "grpc", path: work.path, code, error });
      if (isDebug) logAccess(options, work, code);
    },
    received: (bytes) => counts.messageBytes.record(bytes),
    limitHit: (name) => limitHits.add(name),
  });
  counts.streams = () => server.openCalls;
  return server;
}

/** One line for each call, and for each message of a stream of calls, whatever its end. */
function logAccess({ clock, log }: GrpcDoorOptions, work: Work, code: ErrorCode | "OK"): void {
  const { path, served, times, requestId } = work;
  const tookMs = clock.nowMs() - times.arrivedAtMs;
  log.debug("call", {
    path,
    status: code === "OK" ? 0 : errorTable[code].grpc,
    code,
    took_ms: Math.round(tookMs * 1000) / 1000,
    model: served?.model,
    version: served?.version,
    request_id: requestId,
  });
}

function servicesOf(options: GrpcDoorOptions): readonly GrpcService[] {
  const { service, clock, serverName, serverVersion } = options;
  const own = [
    oipService({ service, serverName, serverVersion }),
    predictionService(service),
    sentimentService({ service }),
    ...tfsServices(service),
  ];
  const names = own.map((each) => each.name);
  const health = healthService({ service, clock, names });
  const shown = [...own, health];
  if (!options.hasReflection) return shown;
  const reflected = [...shown.map((each) => each.name), ...reflectionNames];
  return [...shown, ...reflectionServices({ names: reflected, service })];
}
