/**
 * A socket of one model, as callers have it.
 */
import type { Deadline } from "../call/deadline.ts";
import type { CallOptions } from "../client-options.ts";
import type { ModelName, PredictionOf, RowOf } from "../models.ts";
import { type Answer, type Answers, answerOfBody, answersOfBody } from "../rest/answer.ts";
import { isRows } from "../rest/predict.ts";
import { type ReplyBody, writeFrame } from "./frames.ts";
import type { SocketConnection } from "./socket-connection.ts";

/** What may be said about one prediction on a socket. */
export type SocketCallOptions = Pick<CallOptions, "timeoutMs" | "signal">;

/** Runs `act` under the deadline that the options ask for. */
export type Within = <T>(
  options: SocketCallOptions,
  act: (deadline: Deadline) => Promise<T>,
) => Promise<T>;

/**
 * Predictions of one model over a WebSocket, many in flight at once. Made by `client.socket`.
 *
 * REQUIRES: a server with the door `/predict/ws`.
 */
export class ModelSocket<M extends ModelName> {
  readonly #connection: SocketConnection<ReplyBody>;
  readonly #within: Within;

  constructor(connection: SocketConnection<ReplyBody>, within: Within) {
    this.#connection = connection;
    this.#within = within;
  }

  /** Predictions for several rows in one frame. */
  predict(
    rows: readonly RowOf<M>[],
    options?: SocketCallOptions,
  ): Promise<Answers<PredictionOf<M>>>;
  /** The prediction for one row. @throws MillraceError */
  predict(row: RowOf<M>, options?: SocketCallOptions): Promise<Answer<PredictionOf<M>>>;
  async predict(
    given: unknown,
    options: SocketCallOptions = {},
  ): Promise<Answer<unknown> | Answers<unknown>> {
    const body = await this.#within(options, (deadline) =>
      this.#connection.ask((id) => writeFrame(id, given), deadline),
    );
    return isRows(given) ? answersOfBody(body, "") : answerOfBody(body, "");
  }

  /** Ends the connection; what is under way fails with CANCELLED. */
  close(): void {
    this.#connection.close();
  }
}
