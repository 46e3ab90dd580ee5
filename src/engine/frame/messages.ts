/**
 * What the answers and the control frames say, and how the other side's word is checked.
 *
 * A child runs models that nobody vouches for, so the parent believes no field: what is not of the
 * expected type is a `FrameFault`. The parent's own messages are trusted by the child.
 */
import { isErrorCode, ServingError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type Frame, FrameFault, readControl, readTensors } from "./frame.ts";
import { kinds } from "./layout.ts";

/** HELLO, child to parent, once: I am up and the engine is loaded. */
export interface Hello {
  readonly frameVersion: number;
  /** Name and version of the engine. */
  readonly engine: string;
}

/** CONNECT, parent to child: where another front listens. */
export interface Connect {
  /** The number by which the record of what runs names that front, >= 1. */
  readonly front: number;
  /** Absolute path of its socket. */
  readonly path: string;
  /** The number by which the front knows this worker. */
  readonly worker: number;
}

/** GREET, child to another front, once. */
interface Greeting {
  readonly worker: number;
}

/** FAILED and ERROR, child to parent. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly field: string | undefined;
  /** The engine's words, for the log only. */
  readonly cause: string | undefined;
}

/** Longest text of the engine that is carried, in UTF-16 units. */
const causeLengthMax = 4_000;

export function readHello(value: unknown): Hello {
  const { frameVersion, engine } = fieldsOf(value);
  if (typeof frameVersion !== "number" || typeof engine !== "string") throw new FrameFault("hello");
  return { frameVersion, engine };
}

export function readGreeting(value: unknown): Greeting {
  const { worker } = fieldsOf(value);
  if (typeof worker !== "number") throw new FrameFault("greeting");
  return { worker };
}

/** The answer to a RUN; throws the error that came in its place. */
export function readResult(frame: Frame): { outputs: readonly Tensor[]; runMs: number } {
  if (frame.kind !== kinds.result) throw readFailure(readControl(frame));
  return { outputs: readTensors(frame).tensors, runMs: frame.extra / 1000 };
}

/** The error of a FAILED or ERROR frame. */
export function readFailure(value: unknown): ServingError {
  const { code, message, field, cause } = fieldsOf(value);
  if (!isErrorCode(code) || typeof message !== "string") throw new FrameFault("failure");
  return new ServingError(code, message, {
    ...(typeof field === "string" ? { field } : {}),
    ...(typeof cause === "string" ? { cause } : {}),
  });
}

export function failureOf(error: ServingError): Failure {
  const { code, message, field, cause } = error;
  if (cause === undefined) return { code, message, field, cause: undefined };
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code, message, field, cause: text.slice(0, causeLengthMax) };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new FrameFault("control value");
  return { ...value };
}
