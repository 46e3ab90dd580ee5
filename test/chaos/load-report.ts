/**
 * What the load process is told and what it reports.
 */

/** What each request carries; both go to a `fingerprint` model over `/v2/models/M/infer`. */
export type LoadBody = "constant" | "fingerprint";

export interface LoadOrder {
  readonly port: number;
  readonly model: string;
  /** Elements of a row. */
  readonly width: number;
  readonly body: LoadBody;
  readonly connections: number;
  /** Requests a second, evenly spaced; 0 = each connection asks again as soon as it is answered. */
  readonly ratePerSecond: number;
  /** Ends once both are reached, or at `msMax`, or when told to. */
  readonly requestsMin: number;
  readonly msMin: number;
  readonly msMax: number;
}

/** 100 ms of answers; `startMs` is Unix time. */
export interface LoadWindow {
  readonly startMs: number;
  readonly answered: number;
}

export const windowMs = 100;

export interface LoadReport {
  readonly requests: number;
  /** Answered 200. */
  readonly answered: number;
  /** Other answers, by `status code`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Answers 503 without a Retry-After. */
  readonly withoutRetryAfter: number;
  /** 503 DRAINING that kept the connection open. */
  readonly drainingKeptOpen: number;
  /** Answers that belong to another request. */
  readonly swapped: number;
  /** Connections that ended with a request on them and no byte of its answer: Unix ms. */
  readonly brokenAtMs: readonly number[];
  /** Connections that ended inside an answer. */
  readonly truncated: number;
  /** Connections that were not accepted. */
  readonly refused: number;
  /** Requests that were due and not sent because every connection was busy for 2 s. */
  readonly unsent: number;
  readonly windows: readonly LoadWindow[];
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly wallMs: number;
}
