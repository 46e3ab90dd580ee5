/**
 * Remembers which inputs were in a worker when it died.
 *
 *   unknown --death--> suspect --answer--> unknown
 *                      suspect --deaths while alone reach the maximum--> quarantined
 *
 * A death in company proves nothing about one input, so it only makes suspects; a suspect runs
 * alone and one at a time, so that one kill is at most one death. A death counts only when the run
 * was known to be of a suspect, or is the input's first: of many workers killed in one moment under
 * the same input, one counts, and the next answer clears it. A kill from outside counts a
 * sixteenth: an operator's `kill -9` says nothing about the input that happens to run, but an input
 * for which the system ends the worker again and again (memory) is found in the end.
 *
 * Where several fronts use one worker each tells the others what it has found, and takes over what
 * they have, so that an input has as many deaths as it would have had with one front.
 *
 * Digests are computed at a death and for inputs whose fingerprint, a cheap number, is that of a
 * suspect; without suspects a request pays nothing.
 */
import type { InferenceRequest } from "../predictor.ts";
import { digestInputs, fingerprintInputs } from "./input-digest.ts";

/** Most suspects, and most quarantined inputs; the ones not seen for longest are forgotten. */
const suspectsMax = 1_024;
/** A sixteenth, so that it adds up without rounding. */
const outsideKillWeight = 1 / 16;

export class Suspect {
  readonly digest: string;
  readonly fingerprint: number;
  /** Deaths while alone since the last answer; one by a kill from outside counts less. */
  deaths = 0;
  /** A run of it is under way. */
  isRunning = false;
  state: "suspect" | "cleared" | "quarantined" = "suspect";

  constructor(digest: string, fingerprint: number) {
    this.digest = digest;
    this.fingerprint = fingerprint;
  }
}

/** What is known of a run that a worker did not survive. */
export interface Loss {
  /** The record under which the run was sent, if it was one of a suspect. */
  readonly known: Suspect | undefined;
  /** Nothing else ran in the worker. */
  readonly wasAlone: boolean;
  /** Somebody else killed the process. */
  readonly wasOutside: boolean;
}

/** What one front tells the others of an input. */
export interface SuspectNews {
  readonly digest: string;
  readonly fingerprint: number;
  readonly deaths: number;
  readonly state: Suspect["state"];
}

export class Suspects {
  readonly #deathsMax: number;
  /** By digest, oldest first. At most `suspectsMax` each. */
  readonly #suspects = new Map<string, Suspect>();
  readonly #quarantined = new Map<string, Suspect>();
  /** How many of the above have a fingerprint. At most 2 * `suspectsMax`. */
  readonly #fingerprints = new Map<number, number>();

  readonly #changed: (news: SuspectNews) => void;

  /**
   * @param deathsMax deaths while alone that quarantine an input, >= 1
   * @param changed told of each change that was found here
   */
  constructor(deathsMax: number, changed: (news: SuspectNews) => void = () => {}) {
    this.#deathsMax = deathsMax;
    this.#changed = changed;
  }

  get suspectCount(): number {
    return this.#suspects.size;
  }

  get quarantinedCount(): number {
    return this.#quarantined.size;
  }

  /** Nothing is held against any input. */
  get isEmpty(): boolean {
    return this.#fingerprints.size === 0;
  }

  /** The record of these inputs, or `undefined` when nothing is held against them. */
  find(request: InferenceRequest): Suspect | undefined {
    if (this.isEmpty) return undefined;
    if (!this.#fingerprints.has(fingerprintInputs(request.inputs))) return undefined;
    const digest = digestInputs(request.inputs);
    for (const records of [this.#quarantined, this.#suspects]) {
      const record = records.get(digest);
      if (record === undefined) continue;
      records.delete(digest);
      records.set(digest, record);
      return record;
    }
    return undefined;
  }

  /**
   * A worker died with these inputs in it. It counts against them when they were alone and were
   * under suspicion before, or had never died; a kill from outside counts `outsideKillWeight`.
   */
  accuse(request: InferenceRequest, { known, wasAlone, wasOutside }: Loss): Suspect {
    const found = this.find(request);
    const record = found ?? this.#remember(request);
    const counts = wasAlone && (record.deaths === 0 || known === record);
    if (record.state === "suspect" && counts) {
      record.deaths += wasOutside ? outsideKillWeight : 1;
      if (record.deaths >= this.#deathsMax) this.#quarantine(record);
      this.#changed(newsOf(record));
    } else if (found === undefined) this.#changed(newsOf(record));
    return record;
  }

  /** The engine answered: the input does not kill, whatever was held against it. */
  clear(record: Suspect): void {
    if (record.state === "cleared") return;
    this.#forget(record);
    this.#changed(newsOf(record));
  }

  /** Another front has found something; nobody is told of it from here. */
  learn({ digest, fingerprint, deaths, state }: SuspectNews): void {
    const known = this.#quarantined.get(digest) ?? this.#suspects.get(digest);
    if (state === "cleared") {
      if (known !== undefined) this.#forget(known);
      return;
    }
    const record = known ?? this.#note(new Suspect(digest, fingerprint));
    record.deaths = Math.max(record.deaths, deaths);
    if (state === "quarantined" && record.state === "suspect") this.#quarantine(record);
  }

  #forget(record: Suspect): void {
    const records = record.state === "suspect" ? this.#suspects : this.#quarantined;
    record.state = "cleared";
    if (records.get(record.digest) !== record) return;
    records.delete(record.digest);
    this.#forgetFingerprint(record.fingerprint);
  }

  #remember(request: InferenceRequest): Suspect {
    const fingerprint = fingerprintInputs(request.inputs);
    return this.#note(new Suspect(digestInputs(request.inputs), fingerprint));
  }

  #note(record: Suspect): Suspect {
    const { fingerprint } = record;
    this.#suspects.set(record.digest, record);
    this.#fingerprints.set(fingerprint, (this.#fingerprints.get(fingerprint) ?? 0) + 1);
    this.#evict(this.#suspects);
    return record;
  }

  #quarantine(record: Suspect): void {
    record.state = "quarantined";
    this.#suspects.delete(record.digest);
    this.#quarantined.set(record.digest, record);
    this.#evict(this.#quarantined);
  }

  #evict(records: Map<string, Suspect>): void {
    if (records.size <= suspectsMax) return;
    for (const oldest of records.values()) {
      records.delete(oldest.digest);
      this.#forgetFingerprint(oldest.fingerprint);
      return;
    }
  }

  #forgetFingerprint(fingerprint: number): void {
    const left = (this.#fingerprints.get(fingerprint) ?? 1) - 1;
    if (left === 0) this.#fingerprints.delete(fingerprint);
    else this.#fingerprints.set(fingerprint, left);
  }
}

function newsOf({ digest, fingerprint, deaths, state }: Suspect): SuspectNews {
  return { digest, fingerprint, deaths, state };
}
