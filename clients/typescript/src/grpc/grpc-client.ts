/**
 * The gRPC client: one HTTP/2 session to the server, made when it is needed and again when it ends.
 *
 * Deadlines, retries, budget, throttle and hedge are those of the REST client. Only the raw form of
 * tensors is spoken, which is the one that does not grow with the datatype.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { Attempts } from "../call/attempts.ts";
import { Deadline } from "../call/deadline.ts";
import {
  type CallOptions,
  type ClientOptions,
  type ClientSettings,
  callHeaders,
  checkTimeout,
  completeOptions,
  rulesOf,
} from "../client-options.ts";
import { MillraceError } from "../millrace-error.ts";
import type { InputsOf, ModelName, OutputsOf } from "../models.ts";
import type { InferAnswer } from "../rest/infer.ts";
import type { ModelMetadata } from "../rest/metadata.ts";
import { type InferWishes, rawInputs } from "../tensor/oip-body.ts";
import type { TensorInput } from "../tensor/tensor.ts";
import {
  readInferResponse,
  readMetadataResponse,
  readReady,
  writeInferRequest,
  writeModelKey,
} from "./infer-messages.ts";
import type { ProtoWriter } from "./proto-writer.ts";
import { callUnary, connectionFailed, type UnaryEnd, type UnaryReply } from "./unary-call.ts";

const service = "/inference.GRPCInferenceService/";

/** Whom an `https:` connection trusts, and what it shows. PEM texts. */
export interface GrpcTls {
  /** Authorities that may sign the server's certificate; default: those of the runtime. */
  readonly ca?: string;
  /** Certificate and private key that this client shows, for a server that asks for one. */
  readonly cert?: string;
  readonly key?: string;
}

/** What holds for all calls; as for the REST client, without `fetch`. */
export interface GrpcOptions extends Omit<ClientOptions, "fetch"> {
  /** Of an address that begins with `https:`. */
  readonly tls?: GrpcTls;
}

/** What may be said about one inference. */
export interface GrpcInferOptions extends CallOptions, InferWishes {}

interface SessionLink {
  readonly session: ClientHttp2Session;
  readonly isUp: Promise<void>;
}

/** Calls one server over gRPC. Made by `createGrpcClient`; `close` it at the end. */
export class GrpcClient {
  readonly #settings: ClientSettings;
  readonly #attempts: Attempts;
  readonly #tls: GrpcTls;
  #link: SessionLink | undefined;

  constructor(options: GrpcOptions) {
    this.#settings = completeOptions(options);
    this.#attempts = new Attempts(this.#settings);
    this.#tls = options.tls ?? {};
  }

  /** ModelInfer: runs a model on tensors. @throws MillraceError */
  async infer<M extends ModelName>(
    model: M,
    inputs: { readonly [N in keyof InputsOf<M>]: TensorInput },
    options: GrpcInferOptions = {},
  ): Promise<InferAnswer<M>> {
    const key = { model, version: options.version ?? "" };
    const message = writeInferRequest(key, rawInputs(inputs), options);
    const reply = await this.#call("ModelInfer", message, options);
    const { outputs, ...read } = readInferResponse(reply.message);
    return {
      outputs: outputs as OutputsOf<M>,
      model: read.model,
      version: read.version,
      requestId: reply.requestId,
    };
  }

  /** ModelMetadata. @throws MillraceError */
  async metadata(model: string, options: CallOptions = {}): Promise<ModelMetadata> {
    const message = writeModelKey({ model, version: options.version ?? "" });
    return readMetadataResponse((await this.#call("ModelMetadata", message, options)).message);
  }

  /** ModelReady, or ServerReady without a model. @throws MillraceError */
  async ready(model?: string, options: CallOptions = {}): Promise<boolean> {
    const message = writeModelKey({ model: model ?? "", version: options.version ?? "" });
    const method = model === undefined ? "ServerReady" : "ModelReady";
    return readReady((await this.#call(method, message, options)).message);
  }

  /** Ends the session; calls under way fail. */
  close(): void {
    this.#link?.session.destroy();
    this.#link = undefined;
  }

  async #call(method: string, message: ProtoWriter, options: CallOptions): Promise<UnaryReply> {
    const { clock, timeoutMs, rules, headers, replyBytesMax } = this.#settings;
    const request = {
      path: service + method,
      message,
      headers: { ...headers, ...callHeaders(options) },
      replyBytesMax,
    };
    const callRules = rulesOf(options, rules);
    const callMs = checkTimeout(options.timeoutMs ?? timeoutMs);
    const deadline = new Deadline(clock, callMs, options.signal);
    const attempt = async (signal: AbortSignal, leftMs: number): Promise<UnaryReply> => {
      const end: UnaryEnd = { signal, leftMs };
      return await callUnary(await this.#connected(signal), request, end);
    };
    try {
      return await this.#attempts.run(attempt, deadline, callRules);
    } finally {
      deadline.close();
    }
  }

  /** The session that is up, or a new one. @throws CONNECTION_FAILED, the signal's reason */
  async #connected(signal: AbortSignal): Promise<ClientHttp2Session> {
    this.#link ??= this.#open();
    const { session, isUp } = this.#link;
    if (!session.connecting) return session;
    await new Promise<void>((done, fail) => {
      signal.addEventListener("abort", () => fail(signal.reason), { once: true });
      isUp.then(done, fail);
    });
    return session;
  }

  #open(): SessionLink {
    const session = connect(this.#settings.url, this.#tls);
    const isUp = new Promise<void>((done, fail) => {
      session.once("connect", () => done());
      session.once("error", (cause) => fail(connectionFailed(cause.message, cause)));
      session.once("close", () => fail(connectionFailed("it ended", undefined)));
    });
    // Those who wait for it are told; without anybody it is no fault.
    isUp.catch(() => undefined);
    const forget = (): void => {
      if (this.#link?.session === session) this.#link = undefined;
    };
    // A server that drains sends GOAWAY: what is under way ends on this session, new calls do not.
    session.on("goaway", forget);
    session.on("close", forget);
    // What an error means is told to each call by its own stream.
    session.on("error", forget);
    return { session, isUp };
  }
}

/** A gRPC client of the server at `options.url` (`http://host:8001`). @throws INVALID_INPUT */
export function createGrpcClient(options: GrpcOptions): GrpcClient {
  const client = new GrpcClient(options);
  if (new URL(options.url).pathname === "/") return client;
  throw new MillraceError("INVALID_INPUT", "url: gRPC has no path before its methods", {
    field: "url",
  });
}
