/**
 * Model control in a front that is not the primary: the primary does it, for the whole server.
 */
import { ServingError } from "../../base/index.ts";
import type { Control, LoadAsk, UnloadAsk } from "../../service/index.ts";
import type { FromFront, Operation, SentError } from "./messages.ts";

export class ControlAsker implements Control {
  readonly #send: (message: FromFront) => void;
  /** Operations without an answer, at most one a request; the primary bounds its own. */
  readonly #asked = new Map<number, (error: SentError | undefined) => void>();
  #lastId = 0;

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
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<SentError | undefined>();
    this.#asked.set(id, resolve);
    this.#send({ kind: "control", id, operation });
    const error = await promise;
    if (error === undefined) return;
    const { code, message, field } = error;
    throw new ServingError(code, message, field === undefined ? {} : { field });
  }

  answered(id: number, error: SentError | undefined): void {
    const settle = this.#asked.get(id);
    this.#asked.delete(id);
    settle?.(error);
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
