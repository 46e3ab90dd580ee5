/**
 * A foreign gRPC client over our `.proto` files, for the tests that prove what a user would see.
 */
import { join } from "node:path";
import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { root } from "./built-server.ts";

const files = [
  "inference/grpc_service.proto",
  "prediction.proto",
  "sentiment.proto",
  "tensorflow_serving/prediction_service.proto",
  "tensorflow_serving/model_service.proto",
  "grpc/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto",
];

const rules = { keepCase: true, longs: String, enums: String, defaults: true, arrays: true };

/** The services by full name. Each file alone: two of them have messages of the same short name. */
const services = new Map<string, ServiceClientConstructor>();
for (const file of files) {
  const definition = loadSync(file, { ...rules, includeDirs: [join(root, "proto")] });
  for (const [name, each] of Object.entries(definition)) {
    if (!("format" in each)) services.set(name, clientOf(loadPackageDefinition(definition), name));
  }
}

function clientOf(loaded: GrpcObject, name: string): ServiceClientConstructor {
  let found: unknown = loaded;
  for (const part of name.split(".")) found = (found as GrpcObject)[part];
  return found as ServiceClientConstructor;
}

/** A message as plain values with the names of the proto file. */
export type Plain = Record<string, unknown>;

/** How a call ended. */
export interface GrpcEnd {
  /** 0 when it was answered. */
  readonly code: number;
  readonly reply: Plain;
  readonly details: string;
  readonly trailers: Plain;
}

export interface CallTerms {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** One channel to a server. */
export class GrpcClient {
  readonly #target: string;
  readonly #credentials: ChannelCredentials;
  /** One entry for each service that was asked. */
  readonly #clients = new Map<string, Client>();

  constructor(target: string, secured?: ChannelCredentials) {
    this.#target = target;
    this.#credentials = secured ?? credentials.createInsecure();
  }

  /** Calls `service/method`; never rejects. */
  async call(path: string, request: Plain, terms: CallTerms = {}): Promise<GrpcEnd> {
    const [service = "", method = ""] = path.split("/");
    const client = this.#client(service) as unknown as Record<string, UnaryCall>;
    const { promise, resolve } = Promise.withResolvers<GrpcEnd>();
    const options =
      terms.deadlineMs === undefined ? {} : { deadline: Date.now() + terms.deadlineMs };
    const call = client[method]?.(request, metadataOf(terms), options, (error, reply) => {
      if (error === null) resolve({ code: 0, reply: reply ?? {}, details: "", trailers: {} });
      else resolve(endOf(error));
    });
    terms.signal?.addEventListener("abort", () => call?.cancel());
    return await promise;
  }

  /** Opens a stream in both directions. */
  open(path: string, terms: CallTerms = {}): ClientDuplexStream<Plain, Plain> {
    const [service = "", method = ""] = path.split("/");
    const client = this.#client(service) as unknown as Record<string, StreamCall>;
    const stream = client[method]?.(metadataOf(terms));
    if (stream === undefined) throw new Error(`no method ${path}`);
    stream.on("error", () => {});
    return stream;
  }

  /** Asks a question that is answered again and again. */
  watch(path: string, request: Plain): ClientReadableStream<Plain> {
    const [service = "", method = ""] = path.split("/");
    const client = this.#client(service) as unknown as Record<string, WatchCall>;
    const stream = client[method]?.(request);
    if (stream === undefined) throw new Error(`no method ${path}`);
    stream.on("error", () => {});
    return stream;
  }

  /** Sends `requests` on a stream and gives its replies and its end. */
  async exchange(
    path: string,
    requests: readonly Plain[],
    terms: CallTerms = {},
  ): Promise<{ replies: Plain[]; code: number; details: string }> {
    const stream = this.open(path, terms);
    const replies: Plain[] = [];
    stream.on("data", (reply: Plain) => replies.push(reply));
    const ended = new Promise<{ code: number; details: string }>((done) => {
      stream.on("status", (status) => done(status));
    });
    for (const request of requests) stream.write(request);
    stream.end();
    const { code, details } = await ended;
    return { replies, code, details };
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(service: string): Client {
    const known = this.#clients.get(service);
    if (known !== undefined) return known;
    const Made = services.get(service);
    if (Made === undefined) throw new Error(`no service ${service}`);
    const made = new Made(this.#target, this.#credentials, {
      "grpc.max_receive_message_length": -1,
    });
    this.#clients.set(service, made);
    return made;
  }
}

type UnaryCall = (
  request: Plain,
  metadata: Metadata,
  options: object,
  done: (error: ServiceError | null, reply?: Plain) => void,
) => { cancel(): void };

type WatchCall = (request: Plain) => ClientReadableStream<Plain>;

type StreamCall = (metadata: Metadata) => ClientDuplexStream<Plain, Plain>;

function metadataOf({ metadata = {} }: CallTerms): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
}

function endOf(error: ServiceError): GrpcEnd {
  const trailers = error.metadata?.getMap() ?? {};
  return { code: error.code, reply: {}, details: error.details, trailers };
}
