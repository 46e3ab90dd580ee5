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
import { type BatchAnswer, batchBody, readBatch } from "./rest/batch.ts";
import { type HttpReply, type HttpRequest, HttpSender } from "./rest/http-sender.ts";
import { type InferAnswer, inferRequest, modelPath, readInferAnswer } from "./rest/infer.ts";
import { type Health, type ModelMetadata, readHealth, readMetadata } from "./rest/metadata.ts";
import { isRows, predictBody, simplePath } from "./rest/predict.ts";
import { readEvents } from "./rest/read-events.ts";
import { readStream } from "./rest/read-stream.ts";
import { type StreamItem, type StreamProgress, streamBody } from "./rest/stream.ts";
import type { InferWishes } from "./tensor/oip-body.ts";
import type { TensorInput } from "./tensor/tensor.ts";
import { type ReplyFrame, readFrame } from "./websocket/frames.ts";
import { ModelSocket } from "./websocket/model-socket.ts";
import { SocketConnection } from "./websocket/socket-connection.ts";
import { completeSocketOptions, type SocketOptions } from "./websocket/socket-options.ts";
import { readTensorFrame } from "./websocket/tensor-frames.ts";
import { TensorSocket } from "./websocket/tensor-socket.ts";

/** What may be said about one inference. */
export interface InferOptions extends CallOptions, Omit<InferWishes, "id"> {}

/** What may be said about one stream. */
export interface StreamOptions extends CallOptions {
  /** Told how far the stream is, once a second at most, and at its end. */
  readonly onProgress?: (progress: StreamProgress) => void;
  /**
   * Go on where a broken connection left off; default false. Rows then come in their order, and
   * rows in one request that are too large to be kept (`streamsKeptBytesMax`) end with the break.
   */
  readonly isResumable?: boolean;
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
   * Predictions for several rows, each of which may fail alone; nothing is thrown for those.
   *
   * @throws MillraceError
   */
  async batchPredict<M extends ModelName>(
    model: M,
    rows: readonly RowOf<M>[],
    options: CallOptions = {},
  ): Promise<BatchAnswer<PredictionOf<M>>> {
    const path = simplePath("/batch_predict", model, options.version);
    const headers = { "content-type": "application/json" };
    const request: HttpRequest = { method: "POST", path, headers, body: batchBody(rows) };
    return readBatch(await this.#call(request, options));
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
   * what has not run. Only the start is tried again, unless `isResumable` is set. There is no
   * deadline unless `timeoutMs` is given; the server's own default holds.
   *
   * @throws MillraceError
   */
  async *predictStream<M extends ModelName>(
    model: M,
    rows: readonly RowOf<M>[],
    options: StreamOptions = {},
  ): AsyncGenerator<StreamItem<PredictionOf<M>>, void, void> {
    const path = simplePath("/predict/stream", model, options.version);
    const { isResumable = false, onProgress } = options;
    const headers = { ...callHeaders(options), ...(isResumable ? asEvents : {}) };
    const wish = onProgress === undefined ? "" : "progress=1";
    const request: HttpRequest = {
      method: "POST",
      path: wish === "" ? path : `${path}&${wish}`,
      headers: { ...headers, "content-type": "application/json" },
      body: streamBody(rows),
    };
    const callMs = checkTimeout(options.timeoutMs ?? Number.POSITIVE_INFINITY);
    const deadline = new Deadline(this.#settings.clock, callMs, options.signal);
    const rules = rulesOf(options, this.#settings.rules);
    const open = (asked: HttpRequest): Promise<Response> =>
      this.#attempts.run(
        (signal, leftMs) => this.#sender.open(asked, signal, leftMs),
        deadline,
        rules,
      );
    const resume = (id: string, last: string): Promise<Response> => {
      const seen = last === "" ? headers : { ...headers, "last-event-id": last };
      const again = `/predict/stream/${encodeURIComponent(id)}${wish === "" ? "" : `?${wish}`}`;
      return open({ method: "GET", path: again, headers: seen });
    };
    try {
      const response = await open(request);
      const stream = { response, deadline, total: rows.length, url: this.#settings.url };
      if (!isResumable) yield* readStream<PredictionOf<M>>(stream, onProgress);
      else {
        const { attemptsMax } = rules.retry;
        yield* readEvents<PredictionOf<M>>({ ...stream, attemptsMax, resume }, onProgress);
      }
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
    const path = simplePath("/predict/ws", model, options.version);
    const connection = this.#connection(path, options, readFrame);
    return new ModelSocket(connection, (call, act) => this.#within(call, act));
  }

  /**
   * A socket of one model for tensors, which travel as binary both ways; else as `socket`.
   *
   * @throws INVALID_INPUT for a wrong option
   */
  tensorSocket<M extends ModelName>(model: M, options: SocketOptions = {}): TensorSocket<M> {
    const path = modelPath(model, options.version, "/ws");
    const connection = this.#connection(path, options, readTensorFrame);
    return new TensorSocket(connection, (call, act) => this.#within(call, act));
  }

  #connection<Body>(
    path: string,
    options: SocketOptions,
    read: (content: unknown) => ReplyFrame<Body> | undefined,
  ): SocketConnection<Body> {
    const { clock, random, rules } = this.#settings;
    return new SocketConnection({
      ...completeSocketOptions(path, options, this.#settings),
      ...{ clock, random, read },
      budget: this.#attempts.budget,
      attemptsMax: rules.retry.attemptsMax,
    });
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

const asEvents = { accept: "text/event-stream" };

/** A server that is not ready says so with this status. */
const answers = [503];

/** A client of the server at `options.url`. @throws INVALID_INPUT for a wrong option */
export function createClient(options: ClientOptions): MillraceClient {
  return new MillraceClient(options);
}
