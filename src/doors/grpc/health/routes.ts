/**
 * `grpc.health.v1.Health`: what balancers and orchestrators ask.
 *
 * The server and every service it offers have one state: serving while the server is ready. A watch
 * is told at once and at each change, found out by a look each second for all watches together.
 */
import { type Clock, ServingError } from "../../../base/index.ts";
import type { Service } from "../../../service/index.ts";
import { messageType, type PlainMessage } from "../messages.ts";
import type { Method, MethodCall, StreamReader } from "../method.ts";
import { enterStream } from "../open-streams.ts";
import { plainMethod } from "../plain-method.ts";
import type { GrpcService } from "../routes.ts";

export interface HealthOptions {
  readonly service: Service;
  readonly clock: Clock;
  /** Full names of the services; "" stands for the server and is always known. */
  readonly names: readonly string[];
}

/** How often a watch looks, ms. */
const lookMs = 1_000;

const packageName = "grpc.health.v1";

export function healthService(options: HealthOptions): GrpcService {
  const { service, names } = options;
  const known = ["", ...names];
  const status = (): string => (service.health().isReady ? "SERVING" : "NOT_SERVING");
  const check = (request: PlainMessage): object => {
    const name = String(request["service"]);
    if (known.includes(name)) return { status: status() };
    throw new ServingError("SERVICE_NOT_FOUND", "no service of that name", { field: "service" });
  };
  return {
    name: `${packageName}.Health`,
    methods: {
      Check: plainMethod(typesOf("HealthCheck", "HealthCheck"), check),
      List: plainMethod(typesOf("HealthList", "HealthList"), () => ({
        statuses: Object.fromEntries(known.map((name) => [name, { status: status() }])),
      })),
      Watch: watchMethod(options, (name) => (known.includes(name) ? status() : "SERVICE_UNKNOWN")),
    },
  };
}

function typesOf(request: string, response: string): { request: string; response: string } {
  return {
    request: `${packageName}.${request}Request`,
    response: `${packageName}.${response}Response`,
  };
}

function watchMethod(options: HealthOptions, statusOf: (name: string) => string): Method {
  const request = messageType(`${packageName}.HealthCheckRequest`);
  const response = messageType(`${packageName}.HealthCheckResponse`);
  return {
    kind: "stream",
    isWork: false,
    isClientStream: false,
    open(call) {
      return new Watch(options, call, (message) => {
        const name = String(request.decode(message)["service"]);
        return () => {
          const status = statusOf(name);
          return { status, frame: response.encode({ status }) };
        };
      });
    },
  };
}

interface Told {
  readonly status: string;
  readonly frame: Buffer;
}

class Watch implements StreamReader {
  readonly #options: HealthOptions;
  readonly #call: MethodCall;
  readonly #read: (message: Buffer) => () => Told;
  readonly #leave: () => void;
  #look: (() => Told) | undefined;
  #last = "";
  #isEnded = false;

  /** @throws OVERLOADED */
  constructor(options: HealthOptions, call: MethodCall, read: (message: Buffer) => () => Told) {
    this.#options = options;
    this.#call = call;
    this.#read = read;
    this.#leave = enterStream(options.service, call);
  }

  message(bytes: Buffer): void {
    if (this.#look !== undefined) {
      throw new ServingError("INVALID_REQUEST", "the call has several messages, expected one");
    }
    this.#look = this.#read(bytes);
    this.#tell();
  }

  halfClosed(): void {
    if (this.#look !== undefined) return;
    throw new ServingError("INVALID_REQUEST", "the call has no message, expected one");
  }

  ended(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
  }

  #tell(): void {
    if (this.#isEnded || this.#look === undefined) return;
    const { status, frame } = this.#look();
    if (status !== this.#last) {
      this.#last = status;
      this.#call.send(frame).then(undefined, (thrown: unknown) => this.#call.fail(thrown));
    }
    this.#options.clock.after(lookMs, () => this.#tell());
  }
}
