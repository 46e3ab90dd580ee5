/**
 * The client: puts the parts together and gives them names.
 *
 * It decides nothing. Every call takes the same road: its options become a deadline and rules, the
 * attempts send it, a reader makes the answer.
 */
import { Attempts } from "./call/attempts.ts";
import { Deadline } from "./call/deadline.ts";
import {
  type CallOptions,
  type ClientOptions,
  type ClientSettings,
  callHeaders,
  checkTimeout,
  completeOptions,
  rulesOf,
} from "./client-options.ts";
import { MillraceError } from "./millrace-error.ts";
import type { InputsOf, ModelName, PredictionOf, RowOf } from "./models.ts";
import { type Answer, type Answers, readAnswer, readAnswers } from "./rest/answer.ts";
import { type HttpReply, type HttpRequest, HttpSender } from "./rest/http-sender.ts";
import { type InferAnswer, inferRequest, modelPath, readInferAnswer } from "./rest/infer.ts";
import { type Health, type ModelMetadata, readHealth, readMetadata } from "./rest/metadata.ts";
import { isRows, predictBody, simplePath } from "./rest/predict.ts";
import { readStream } from "./rest/read-stream.ts";
import { type StreamItem, type StreamProgress, streamBody } from "./rest/stream.ts";
import type { InferWishes } from "./tensor/oip-body.ts";
import type { TensorInput } from "./tensor/tensor.ts";
import { ModelSocket } from "./websocket/model-socket.ts";
import { SocketConnection } from "./websocket/socket-connection.ts";
import { completeSocketOptions, type SocketOptions } from "./websocket/socket-options.ts";

/** What may be said about one inference. */
export interface InferOptions extends CallOptions, Omit<InferWishes, "id"> {}

/** What may be said about one stream. */
export interface StreamOptions extends CallOptions {
  /** Told how far the stream is, once a second at most, and at its end. */
  readonly onProgress?: (progress: StreamProgress) => void;
}

/** Calls one server. Made by `createClient`; its calls may run at the same time. */
export class MillraceClient {
  readonly #settings: ClientSettings;
  readonly #sender: HttpSender;
  readonly #attempts: Attempts;

  constructor(options: ClientOptions) {
    const settings = completeOptions(options);
    this.#settings = settings;
    this.#sender = new HttpSender(settings);
    this.#attempts = new Attempts(settings);
  }

  /** Predictions for several rows: a list of objects, of lists or of texts. */
  predict<M extends ModelName>(
    model: M,
    rows: readonly RowOf<M>[],
    options?: CallOptions,
  ): Promise<Answers<PredictionOf<M>>>;
  /**
   * The prediction for one row: an object of named features, a list in signature order, or a text.
   *
   * @throws MillraceError
   */
  predict<M extends ModelName>(
    model: M,
    row: RowOf<M>,
    options?: CallOptions,
  ): Promise<Answer<PredictionOf<M>>>;
  async predict(
    model: string,
    given: unknown,
    options: CallOptions = {},
  ): Promise<Answer<unknown> | Answers<unknown>> {
    const reply = await this.#call(
      {
        method: "POST",
        path: simplePath("/predict", model, options.version),
        headers: { "content-type": "application/json" },
        body: predictBody(given),
      },
      options,
    );
    return isRows(given) ? readAnswers(reply) : readAnswer(reply);
  }

  /**
   * Runs a model on tensors, which travel as binary both ways: every number is exact, NaN too.
   *
   * @param inputs by name, `{ features: { shape: [1, 4], data: Float32Array.of(...) } }`
   * @throws MillraceError
   */
  async infer<M extends ModelName>(
    model: M,
    inputs: { readonly [N in keyof InputsOf<M>]: TensorInput },
    options: InferOptions = {},
  ): Promise<InferAnswer<M>> {
    const path = modelPath(model, options.version, "/infer");
    const request = inferRequest(path, inputs, options);
    return readInferAnswer<M>(await this.#call(request, options));
  }

  /**
   * Predictions for many rows, each as it completes, so in no order: `index` says which row it is.
   *
   * A reader that is slower than the model slows the model down; one that leaves the loop cancels
   * what has not run. Only the start is tried again. There is no deadline unless `timeoutMs` is
   * given; the server's own default holds.
   *
   * @throws MillraceError
   */
  async *predictStream<M extends ModelName>(
    model: M,
    rows: readonly RowOf<M>[],
    options: StreamOptions = {},
  ): AsyncGenerator<StreamItem<PredictionOf<M>>, void, void> {
    const path = simplePath("/predict/stream", model, options.version);
    const request: HttpRequest = {
      method: "POST",
      path: options.onProgress === undefined ? path : `${path}&progress=1`,
      headers: { "content-type": "application/json", ...callHeaders(options) },
      body: streamBody(rows),
    };
    const callMs = checkTimeout(options.timeoutMs ?? Number.POSITIVE_INFINITY);
    const deadline = new Deadline(this.#settings.clock, callMs, options.signal);
    try {
      const response = await this.#attempts.run(
        (signal, leftMs) => this.#sender.open(request, signal, leftMs),
        deadline,
        rulesOf(options, this.#settings.rules),
      );
      const stream = { response, deadline, total: rows.length, url: this.#settings.url };
      yield* readStream<PredictionOf<M>>(stream, options.onProgress);
    } finally {
      deadline.close();
    }
  }

  /** Names, datatypes and shapes of a model's tensors. @throws MillraceError */
  async metadata(model: string, options: CallOptions = {}): Promise<ModelMetadata> {
    const path = modelPath(model, options.version, "");
    return readMetadata(await this.#call({ method: "GET", path, headers: {} }, options));
  }

  /**
   * True when the server, or one of its models, can answer now. Asked once: a server that is not
   * there is not ready.
   *
   * @throws MillraceError MODEL_NOT_FOUND, CANCELLED, and what is no answer of Millrace
   */
  async ready(model?: string, options: CallOptions = {}): Promise<boolean> {
    const modelReady = model === undefined ? "" : modelPath(model, options.version, "/ready");
    const path = modelReady || "/health/ready";
    try {
      const { status } = await this.#ask({ method: "GET", path, headers: {}, answers }, options);
      return status === 200;
    } catch (thrown) {
      if (MillraceError.is(thrown) && thrown.code === "CONNECTION_FAILED") return false;
      throw thrown;
    }
  }

  /** How the server is. Asked once. @throws MillraceError */
  async health(options: CallOptions = {}): Promise<Health> {
    const request: HttpRequest = { method: "GET", path: "/health", headers: {}, answers };
    const reply = await this.#ask(request, options);
    return readHealth(reply.status, reply.bytes, reply.headers.get("x-request-id") ?? "");
  }

  /**
   * A socket of one model: many predictions in flight on one connection, without the cost of a
   * request each. It connects at the first prediction and again when the connection ends.
   *
   * @throws INVALID_INPUT for a wrong option
   */
  socket<M extends ModelName>(model: M, options: SocketOptions = {}): ModelSocket<M> {
    const { clock, random, rules } = this.#settings;
    const connection = new SocketConnection({
      ...completeSocketOptions(model, options, this.#settings),
      clock,
      random,
      budget: this.#attempts.budget,
      attemptsMax: rules.retry.attemptsMax,
    });
    return new ModelSocket(connection, (call, act) => this.#within(call, act));
  }

  /** With retries, throttle and hedge. */
  async #call(request: HttpRequest, options: CallOptions): Promise<HttpReply> {
    const headers = { ...request.headers, ...callHeaders(options) };
    const rules = rulesOf(options, this.#settings.rules);
    return await this.#within(options, (deadline) =>
      this.#attempts.run(
        (signal, leftMs) => this.#sender.send({ ...request, headers }, signal, leftMs),
        deadline,
        rules,
      ),
    );
  }

  /** Once, as it is: for questions about the server's state. */
  async #ask(request: HttpRequest, options: CallOptions): Promise<HttpReply> {
    const headers = { ...request.headers, ...callHeaders(options) };
    return await this.#within(options, (deadline) =>
      this.#sender.send({ ...request, headers }, deadline.signal, deadline.leftMs),
    );
  }

  async #within<T>(options: CallOptions, act: (deadline: Deadline) => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#settings;
    const callMs = checkTimeout(options.timeoutMs ?? timeoutMs);
    const deadline = new Deadline(clock, callMs, options.signal);
    try {
      return await act(deadline);
    } finally {
      deadline.close();
    }
  }
}

/** A server that is not ready says so with this status. */
const answers = [503];

/** A client of the server at `options.url`. @throws INVALID_INPUT for a wrong option */
export function createClient(options: ClientOptions): MillraceClient {
  return new MillraceClient(options);
}
