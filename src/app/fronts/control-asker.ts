/**
 * Model control in a front that is not the primary: the primary does it, for the whole server.
 */
import { ServingError, systemClock } from "../../base/index.ts";
import type { Control, LoadAsk, UnloadAsk } from "../../service/index.ts";
import type { FromFront, Operation, SentError } from "./messages.ts";
import { Questions } from "./questions.ts";

/** How an operation ended: well without an error. */
interface Done {
  readonly error: SentError | undefined;
}

export class ControlAsker implements Control {
  readonly #send: (message: FromFront) => void;
  /** At most one a request; the primary bounds its own, and this process ends with it. */
  readonly #asked = new Questions<Done>(systemClock);

  constructor(send: (message: FromFront) => void) {
    this.#send = send;
  }

  async load(ask: LoadAsk): Promise<void> {
    await this.#ask({ verb: "load", ask });
  }

  async unload(ask: UnloadAsk): Promise<void> {
    await this.#ask({ verb: "unload", ask });
  }

  async #ask(operation: Operation): Promise<void> {
    const done = await this.#asked.ask(undefined, (id) =>
      this.#send({ kind: "control", id, operation }),
    );
    if (done?.error === undefined) return;
    const { code, message, field } = done.error;
    throw new ServingError(code, message, field === undefined ? {} : { field });
  }

  answered(id: number, error: SentError | undefined): void {
    this.#asked.answered(id, { error });
  }
}

/** Carries out what another front asks for; gives what to answer it. */
export async function carryOut(
  control: Control | undefined,
  operation: Operation,
): Promise<SentError | undefined> {
  try {
    if (operation.verb === "load") await control?.load(operation.ask);
    else await control?.unload(operation.ask);
    return undefined;
  } catch (thrown) {
    const { code, message, field } = ServingError.from(thrown);
    return { code, message, field };
  }
}
