/**
 * Asks the primary for the figures of the whole server, whichever front was asked for them.
 *
 * A front whose primary does not answer says so and gives no page: a page of its own counts would
 * make every counter go back.
 */
import { type Clock, type Limits, ServingError } from "../../base/index.ts";
import { addFigures, ServerMetrics } from "../../observe/index.ts";
import type { FiguresAsk, WholeFigures } from "../../service/index.ts";
import type { FromFront, WholeMessage } from "./messages.ts";
import { Questions } from "./questions.ts";
import { asUsage } from "./usage-figures.ts";

export interface WholeAskerOptions {
  /** Those of the whole server. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly build: string;
  send(message: FromFront): void;
}

/** The longest wait for the primary, which waits for the other fronts itself, ms. */
const answerMsMax = 3_000;

export class WholeAsker {
  readonly #options: WholeAskerOptions;
  /** Each leaves after `answerMsMax`. */
  readonly #asked: Questions<WholeMessage>;

  constructor(options: WholeAskerOptions) {
    this.#options = options;
    this.#asked = new Questions(options.clock);
  }

  /** @throws OVERLOADED when the primary does not answer in time */
  async gather(ask: FiguresAsk): Promise<WholeFigures> {
    const { send } = this.#options;
    const whole = await this.#asked.ask(answerMsMax, (id) => send({ kind: "gather", id, ask }));
    if (whole === undefined) {
      const message = `the primary front did not give its figures in ${answerMsMax} ms`;
      throw new ServingError("OVERLOADED", message);
    }
    const metrics = new ServerMetrics(this.#options);
    addFigures(metrics, whole.figures, false);
    metrics.fronts = whole.fronts;
    return { metrics, usage: asUsage(whole.figures.usage) };
  }

  answered(id: number, whole: WholeMessage): void {
    this.#asked.answered(id, whole);
  }
}
