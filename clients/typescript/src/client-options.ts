/**
 * Options of a client and of a call: given, checked, completed.
 */
import type { CallRules } from "./call/attempts.ts";
import { type Clock, type Random, systemClock, systemRandom } from "./clock.ts";
import { invalidInput } from "./millrace-error.ts";
import type { Fetch } from "./rest/http-sender.ts";

/** How failed attempts are repeated. */
export interface RetryOptions {
  /** Attempts of one call, hedges included, 1 to 3; default 3. 1 turns retries off. */
  readonly attemptsMax?: number;
  /** Bound of the first wait, ms, 1 to 60,000; default 100. It doubles with each attempt. */
  readonly backoffMsMin?: number;
  /** Largest bound of a wait, ms, 1 to 60,000; default 2,000. */
  readonly backoffMsMax?: number;
}

/** What holds for all calls of a client. Every field but `url` may be left out. */
export interface ClientOptions {
  /** Address of the server, `http://localhost:8000`; a path in it is put before every route. */
  readonly url: string;
  /** Longest time of a call with all its attempts, ms, above 0; default 60,000. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /** Send a slow request a second time, after the p95 of recent calls; default false. */
  readonly isHedged?: boolean;
  /** Hold requests back while the server turns most of them away; default true. */
  readonly isThrottled?: boolean;
  /** Sent with every request: credentials of a proxy, trace context. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Largest reply that is read, bytes, 1 or more; default 268,435,456 (256 Mi). */
  readonly replyBytesMax?: number;
  /** Instead of the runtime's `fetch`. */
  readonly fetch?: Fetch;
  /** Instead of the machine's clock. */
  readonly clock?: Clock;
  /** Instead of the runtime's random numbers. */
  readonly random?: Random;
}

/** What may be said about one call. */
export interface CallOptions {
  /** Instead of the client's; above 0. It travels as `x-request-timeout-ms`. */
  readonly timeoutMs?: number;
  /** Ends the call with CANCELLED; the server drops what has not run. */
  readonly signal?: AbortSignal;
  /** A version (`1.2.0`, `3`) or `latest`; default: the server's choice. */
  readonly version?: string;
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ -`; default: the server makes one. */
  readonly requestId?: string;
  /** 1 is the most urgent; default: the standard class. */
  readonly priority?: number;
  readonly retry?: RetryOptions;
  readonly isHedged?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** After completion nothing is optional. */
export interface ClientSettings {
  /** Without a slash at the end. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly rules: CallRules;
  readonly isThrottled: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly replyBytesMax: number;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
}

const timeoutMsDefault = 60_000;
const replyBytesMaxDefault = 256 * 1024 * 1024;
const attemptsMaxMax = 3;
const backoffMsMaxMax = 60_000;
const retryDefault = { attemptsMax: 3, backoffMsMin: 100, backoffMsMax: 2_000 };

/** @throws INVALID_INPUT that names the option */
export function completeOptions(options: ClientOptions): ClientSettings {
  const rules = { retry: retryDefault, isHedged: false };
  return {
    url: baseUrl(options.url),
    timeoutMs: checkTimeout(options.timeoutMs ?? timeoutMsDefault),
    rules: rulesOf(options, rules),
    isThrottled: options.isThrottled ?? true,
    headers: options.headers ?? {},
    replyBytesMax: checkCount("replyBytesMax", options.replyBytesMax ?? replyBytesMaxDefault),
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

/** The rules of one call: what it says itself, else `rules`. @throws INVALID_INPUT */
export function rulesOf(
  given: { readonly retry?: RetryOptions; readonly isHedged?: boolean },
  rules: CallRules,
): CallRules {
  const retry = { ...rules.retry, ...given.retry };
  checkRange("retry.attemptsMax", retry.attemptsMax, attemptsMaxMax);
  checkRange("retry.backoffMsMin", retry.backoffMsMin, backoffMsMaxMax);
  checkRange("retry.backoffMsMax", retry.backoffMsMax, backoffMsMaxMax);
  return { retry, isHedged: given.isHedged ?? rules.isHedged };
}

/** Infinity means no deadline. @throws INVALID_INPUT */
export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0) return timeoutMs;
  throw invalidInput("timeoutMs", `expected a number above 0, got ${timeoutMs}`);
}

function checkRange(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw invalidInput(name, `expected a whole number from 1 to ${max}, got ${value}`);
}

function checkCount(name: string, value: number): number {
  if (value >= 1) return value;
  throw invalidInput(name, `expected a number of 1 or more, got ${value}`);
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw invalidInput("url", `expected an address like http://localhost:8000, got '${text}'`);
  }
  if (url.username !== "" || url.password !== "") {
    throw invalidInput("url", "credentials belong into a header (headers), not into the address");
  }
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) : url.pathname;
  return url.origin + path;
}

/** The headers that a call's options ask for. */
export function callHeaders(options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.requestId !== undefined) headers["x-request-id"] = options.requestId;
  if (options.priority !== undefined) headers["x-request-priority"] = String(options.priority);
  return headers;
}
