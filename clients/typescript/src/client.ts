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
import type { ModelName, PredictionOf, RowOf } from "./models.ts";
import { type Answer, type Answers, readAnswer, readAnswers } from "./rest/answer.ts";
import { type HttpReply, type HttpRequest, HttpSender } from "./rest/http-sender.ts";
import { isRows, predictBody, simplePath } from "./rest/predict.ts";

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

  async #call(request: HttpRequest, options: CallOptions): Promise<HttpReply> {
    const { clock, timeoutMs, rules } = this.#settings;
    const headers = { ...request.headers, ...callHeaders(options) };
    const callRules = rulesOf(options, rules);
    const callMs = checkTimeout(options.timeoutMs ?? timeoutMs);
    const deadline = new Deadline(clock, callMs, options.signal);
    try {
      return await this.#attempts.run(
        (signal, leftMs) => this.#sender.send({ ...request, headers }, signal, leftMs),
        deadline,
        callRules,
      );
    } finally {
      deadline.close();
    }
  }
}

/** A client of the server at `options.url`. @throws INVALID_INPUT for a wrong option */
export function createClient(options: ClientOptions): MillraceClient {
  return new MillraceClient(options);
}
