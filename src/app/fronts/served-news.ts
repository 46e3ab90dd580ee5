/**
 * Tells the other fronts what the primary serves, at their start and when it changes.
 *
 * Instances have numbers, by which the fronts are told of them later. A front that opens while
 * something changes is told once more.
 */
import type { Instance } from "../../engine/index.ts";
import { instanceState, type RegistrySeed, registrySeed } from "../../service/index.ts";
import type { Core } from "../compose.ts";
import type { FrontProcess } from "./front-process.ts";
import type { ToFront } from "./messages.ts";

export interface ServedNewsOptions {
  readonly core: Core;
  /** Those that live, kept up to date by the caller. */
  readonly fronts: ReadonlySet<FrontProcess>;
  readonly shutdownMsMax: number;
}

/** For what a front does beside waiting, when it is told what is served, ms. */
const adoptMsMax = 5_000;

export class ServedNews {
  readonly #options: ServedNewsOptions;
  /** One for each instance that serves. */
  readonly #numbers = new Map<Instance, number>();
  #lastNumber = 0;
  /** Counts the changes of what is served. */
  #changes = 0;

  constructor(options: ServedNewsOptions) {
    this.#options = options;
  }

  /** What is served, for the order of `front` to open. */
  orderFor(front: FrontProcess): RegistrySeed {
    front.changes = this.#changes;
    return this.#seed();
  }

  /** Tells a front that has opened what has changed since its order. */
  opened(front: FrontProcess): void {
    if (front.changes !== this.#changes) void front.adopt(this.#seed(), this.#msMax);
    for (const [instance, number] of this.#numbers) {
      front.send({ kind: "instance", number, state: instanceState(instance) });
    }
  }

  /** Tells all; settles when they have left what is served no more. */
  async publish(): Promise<void> {
    this.#changes += 1;
    const seed = this.#seed();
    const open = [...this.#options.fronts].filter((front) => front.isOpen);
    await Promise.all(open.map((front) => front.adopt(seed, this.#msMax)));
    const all = this.#options.core.service.servedVersions().flatMap(({ loaded }) => loaded);
    const served = new Set<Instance>(all);
    for (const instance of this.#numbers.keys()) {
      if (!served.has(instance)) this.#numbers.delete(instance);
    }
  }

  get #msMax(): number {
    return this.#options.shutdownMsMax + adoptMsMax;
  }

  #seed(): RegistrySeed {
    return registrySeed(this.#options.core.service.registry, (each) => this.#numberOf(each));
  }

  #numberOf(instance: Instance): number {
    const known = this.#numbers.get(instance);
    if (known !== undefined) return known;
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#numbers.set(instance, number);
    instance.onReadyChange(() => {
      const news: ToFront = { kind: "instance", number, state: instanceState(instance) };
      for (const front of this.#options.fronts) if (front.isOpen) front.send(news);
    });
    return number;
  }
}
