/**
 * The log: JSON lines on stderr, or readable lines when a person looks at a terminal.
 *
 * A log must not slow what it tells of: lines are handed to the system outside the event loop and
 * at most 4 MiB wait; when the reader is slower, lines are dropped and counted, never waited for. A
 * terminal gets its lines at once. Causes, stacks and engine text stand only here, never in an
 * answer. The level of a failed request is the error table's: a caller's mistake is `debug`, so a
 * flood of them cannot fill a disk at the default level.
 */
import { type DestinationStream, destination, type Logger, pino } from "pino";
import { errorTable, type ServingError, systemClock } from "../base/index.ts";
import { lineText } from "./log-line.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

export type LogLevel = (typeof logLevels)[number];

/** `auto` is `text` on a terminal, else `json`. */
export type LogFormat = "auto" | "json" | "text";

/** Named values of a line; keys in snake_case, units last (`took_ms`); `err` is a cause. */
export type LogFields = { readonly [name: string]: unknown };

export interface Log {
  /** True when a `debug` line would be written; for call sites that would build its fields. */
  readonly isDebug: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A request that was refused or failed, at the level of its code, with the cause. */
  requestFailed(error: ServingError, fields: LogFields): void;
  /** Lines that were dropped because the reader was too slow. */
  readonly dropped: number;
  /** Settles when what waits is written, in order, or after a second; for the end of a process. */
  flush(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Stand in every line. */
  readonly fields?: LogFields;
  /** Where lines go instead of stderr; for tests. */
  readonly write?: (line: string) => void;
  /** Text lines are coloured; by default on a terminal unless NO_COLOR is set. */
  readonly hasColours?: boolean;
}

/** Bytes that may wait for a slow reader. */
const waitingBytesMax = 4 * 1024 * 1024;
/** The longest wait for the reader at the end. */
const flushMsMax = 1_000;
/** Characters of a cause that are kept. */
const causeLengthMax = 8_192;

/** Opens the log. Call `flush` before the process ends. */
export function createLog(options: LogOptions): Log {
  const isText =
    options.format === "text" || (options.format === "auto" && process.stderr.isTTY === true);
  const sink = openSink(options, isText);
  const logger = pino(
    {
      level: options.level,
      base: options.fields ?? null,
      messageKey: "message",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: causeText },
    },
    sink.stream,
  );
  return asLog(logger, sink);
}

/** What stands in NO_COLOR does not matter unless it is empty (no-color.org). */
function isColourful(): boolean {
  return process.stderr.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

interface Sink {
  readonly stream: DestinationStream;
  readonly dropped: () => number;
  readonly flush: () => Promise<void>;
}

function openSink(options: LogOptions, isText: boolean): Sink {
  const print = options.write;
  if (print !== undefined || isText) {
    // A progress line may stand there: the log line takes its place.
    const lead = process.stderr.isTTY === true ? "\r\u001b[2K" : "";
    const out = print ?? ((line: string) => process.stderr.write(lead + line));
    const hasColours = options.hasColours ?? isColourful();
    const write = isText ? (line: string) => out(lineText(line, hasColours)) : out;
    return { stream: { write }, dropped: () => 0, flush: () => Promise.resolve() };
  }
  let dropped = 0;
  const stream = destination({ fd: 2, sync: false, maxLength: waitingBytesMax });
  stream.on("drop", () => {
    dropped += 1;
  });
  // A reader that went away (EPIPE) must not take the server with it.
  stream.on("error", () => {});
  // Not `flushSync`: it would overtake the line that is being written.
  const flush = async (): Promise<void> => {
    await new Promise<void>((done) => {
      stream.flush(() => done());
      systemClock.after(flushMsMax, done);
    });
  };
  return { stream, dropped: () => dropped, flush };
}

function asLog(logger: Logger, sink: Sink): Log {
  return {
    get isDebug() {
      return logger.isLevelEnabled("debug");
    },
    get dropped() {
      return sink.dropped();
    },
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    requestFailed(error, fields) {
      const level = errorTable[error.code].level;
      if (!logger.isLevelEnabled(level)) return;
      const { code, field, cause: err } = error;
      logger[level]({ ...fields, code, field, err }, error.message);
    },
    flush: sink.flush,
  };
}

/**
 * A cause as text: the stack where there is one, and the causes below it, cut to 8,192 characters.
 */
export function causeText(cause: unknown): string | undefined {
  const parts: string[] = [];
  let each = cause;
  for (let depth = 0; depth < 4 && each !== undefined; depth += 1) {
    parts.push(each instanceof Error ? (each.stack ?? each.message) : String(each));
    each = each instanceof Error ? each.cause : undefined;
  }
  return parts.length === 0 ? undefined : parts.join("\ncaused by: ").slice(0, causeLengthMax);
}
