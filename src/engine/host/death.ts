/**
 * Why a worker died, and what that means for what it was asked.
 *
 * The operation it worked on and the ones behind it learn different things: a hang is
 * ENGINE_TIMEOUT for the batch that hung and WORKER_LOST for one that had been sent ahead; a load
 * that ends the process is the model's fault, MODEL_LOAD_FAILED, and not to be tried again.
 */
import { type ErrorCode, type LimitName, ServingError } from "../../base/index.ts";
import type { Running } from "../frame/index.ts";
import { OutsideKill } from "../outside-kill.ts";
import type { Operation } from "./operations.ts";

export interface Death {
  readonly kind:
    | "hang"
    | "silent"
    | "memory"
    | "protocol"
    | "start"
    | "closed"
    | "exit"
    /** SIGKILL that we did not send. */
    | "killed";
  /** For the log: signal or exit code, and the last words on stderr. */
  readonly words: string;
  /** With several fronts: what it worked on; `undefined` with one, and before the first work. */
  readonly running?: Pick<Running, "front" | "batch"> | undefined;
}

/** What the caller of `operation` learns. @param isHead it was the one being worked on */
export function errorOfDeath(operation: Operation, isHead: boolean, death: Death): ServingError {
  const [code, message, limit] = isHead ? ofHead(operation, death) : ofOther(death);
  const isOutside = death.kind === "killed" || (death.running !== undefined && !isHead);
  const cause = isOutside ? new OutsideKill(death.words) : death.words;
  return new ServingError(code, message, limit === undefined ? { cause } : { cause, limit });
}

type Learned = readonly [code: ErrorCode, message: string, limit?: LimitName | undefined];

function ofHead(operation: Operation, death: Death): Learned {
  if (death.kind === "closed") return closed;
  const limit = `${operation.msMax} ms`;
  const memory = death.kind === "memory" ? "workerMemoryBytesMax" : undefined;
  if (operation.kind === "load") {
    const how =
      death.kind === "hang"
        ? `loading took longer than ${limit} (modelLoadMsMax)`
        : `loading it ${endings[death.kind]}`;
    const hit = death.kind === "hang" ? "modelLoadMsMax" : memory;
    return ["MODEL_LOAD_FAILED", `the model cannot be loaded: ${how}`, hit];
  }
  if (operation.kind === "hello") return ["WORKER_LOST", "the worker did not start"];
  if (death.kind === "hang") {
    return [
      "ENGINE_TIMEOUT",
      `the batch ran longer than ${limit} (batchWallMsMax)`,
      "batchWallMsMax",
    ];
  }
  return ["WORKER_LOST", `the worker ${died[death.kind]} while it ran this request`, memory];
}

function ofOther(death: Death): Learned {
  if (death.kind === "closed") return closed;
  return ["WORKER_LOST", "the worker ended before it ran this request"];
}

const closed = ["MODEL_NOT_READY", "this instance of the model was closed"] as const;

const endings = {
  silent: "made the engine stop answering",
  memory: "takes more memory than workerMemoryBytesMax",
  protocol: "made the engine answer nonsense",
  start: "was not possible: the worker did not start",
  exit: "ends the engine's process",
  killed: "was cut short: somebody killed the engine's process",
} as const;

const died = {
  silent: "stopped answering",
  memory: "grew over workerMemoryBytesMax",
  protocol: "answered nonsense",
  start: "did not start",
  exit: "died",
  killed: "was killed",
} as const;
