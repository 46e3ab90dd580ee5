/**
 * Takes one call through its attempts: held back or sent, tried again, doubled when slow.
 *
 * The decisions are in the files beside this one; here are the clock and the promises. One instance
 * belongs to one server: budget, throttle and recent durations are what its calls have in common.
 */
import type { Clock, Random, Timer } from "../clock.ts";
import { MillraceError } from "../millrace-error.ts";
import type { Deadline } from "./deadline.ts";
import { hedgeDelayMs, RecentDurations } from "./hedge-policy.ts";
import { RetryBudget } from "./retry-budget.ts";
import { decideRetry, type RetryRules } from "./retry-policy.ts";
import { isAccepted, isHeldBack, ThrottleWindow } from "./throttle.ts";

/** Sends once. Throws a `MillraceError`; `signal` ends it with its reason. */
export type Attempt<T> = (signal: AbortSignal, leftMs: number) => Promise<T>;

export interface CallRules {
  readonly retry: RetryRules;
  readonly isHedged: boolean;
}

export interface AttemptsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly isThrottled: boolean;
}

/** One call under way. */
interface Call<T> {
  readonly attempt: Attempt<T>;
  readonly deadline: Deadline;
  readonly rules: CallRules;
  attempts: number;
}

export class Attempts {
  readonly budget = new RetryBudget();
  readonly #options: AttemptsOptions;
  readonly #window = new ThrottleWindow();
  readonly #durations = new RecentDurations();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** @throws the `MillraceError` of the last attempt, or of the deadline */
  async run<T>(attempt: Attempt<T>, deadline: Deadline, rules: CallRules): Promise<T> {
    const call: Call<T> = { attempt, deadline, rules, attempts: 0 };
    deadline.check();
    // Only new calls are held back; further attempts are what the budget is for.
    this.#holdBack();
    for (;;) {
      call.attempts += 1;
      try {
        return await this.#round(call);
      } catch (thrown) {
        if (deadline.signal.aborted) throw deadline.signal.reason;
        if (!MillraceError.is(thrown)) throw thrown;
        await this.#pause(call, thrown);
      }
    }
  }

  /** Throws when this client should ask less. */
  #holdBack(): void {
    const { clock, random, isThrottled } = this.#options;
    const counts = this.#window.counts(clock.nowMs());
    if (!isThrottled || !isHeldBack(counts, random.next())) return;
    this.#window.ended(clock.nowMs(), false);
    const { requests, accepts } = counts;
    const message =
      `held back by this client: the server accepted ${accepts} of the last ${requests} ` +
      "requests within a minute";
    throw new MillraceError("THROTTLED", message);
  }

  /** Waits for the next attempt, or throws what the last one threw. */
  async #pause<T>(call: Call<T>, failed: MillraceError): Promise<void> {
    const decision = decideRetry(
      {
        attempts: call.attempts,
        isRetryable: failed.isRetryable,
        retryAfterMs: failed.retryAfterMs,
        tokens: this.budget.tokens,
        leftMs: call.deadline.leftMs,
      },
      call.rules.retry,
      this.#options.random,
    );
    if (decision.kind === "stop" || !this.budget.spend()) throw failed;
    await call.deadline.wait(decision.afterMs);
  }

  /** One attempt, or two when the first is slow and hedging is on. */
  async #round<T>(call: Call<T>): Promise<T> {
    const { clock } = this.#options;
    const startedAtMs = clock.nowMs();
    const delayMs = call.rules.isHedged ? hedgeDelayMs(this.#durations.all) : undefined;
    try {
      const race = new Race(call, () => this.budget.spend());
      const answer = await race.run(clock, call.attempts === 1 ? delayMs : undefined);
      this.#durations.add(clock.nowMs() - startedAtMs);
      this.budget.succeeded();
      this.#window.ended(clock.nowMs(), true);
      return answer;
    } catch (thrown) {
      const code = MillraceError.is(thrown) ? thrown.code : "";
      this.#window.ended(clock.nowMs(), isAccepted(code));
      throw thrown;
    }
  }
}

/** The same request sent once, or a second time after a while; the first good answer counts. */
class Race<T> {
  readonly #call: Call<T>;
  readonly #spend: () => boolean;
  readonly #runners: AbortController[] = [];
  #open = 0;
  #timer: Timer | undefined;

  constructor(call: Call<T>, spend: () => boolean) {
    this.#call = call;
    this.#spend = spend;
  }

  /** @param hedgeMs when the second one starts; `undefined` for never */
  async run(clock: Clock, hedgeMs: number | undefined): Promise<T> {
    const { signal } = this.#call.deadline;
    const stop = (): void => this.#abortAll(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await new Promise<T>((done, fail) => {
        this.#start(done, fail);
        if (hedgeMs !== undefined) {
          this.#timer = clock.after(hedgeMs, () => this.#hedge(done, fail));
        }
      });
    } finally {
      this.#timer?.cancel();
      signal.removeEventListener("abort", stop);
      this.#abortAll(new MillraceError("CANCELLED", "the other attempt has answered"));
    }
  }

  #start(done: (answer: T) => void, fail: (thrown: unknown) => void): void {
    const runner = new AbortController();
    this.#runners.push(runner);
    this.#open += 1;
    const answered = (answer: T): void => {
      // What it answered may still be read from: a stream. Only the others are ended.
      this.#runners.splice(this.#runners.indexOf(runner), 1);
      done(answer);
    };
    void this.#call.attempt(runner.signal, this.#call.deadline.leftMs).then(answered, (thrown) => {
      this.#open -= 1;
      if (this.#open === 0) fail(thrown);
    });
  }

  #hedge(done: (answer: T) => void, fail: (thrown: unknown) => void): void {
    const call = this.#call;
    if (call.attempts >= call.rules.retry.attemptsMax || !this.#spend()) return;
    call.attempts += 1;
    this.#start(done, fail);
  }

  #abortAll(reason: unknown): void {
    for (const runner of this.#runners) runner.abort(reason);
  }
}
