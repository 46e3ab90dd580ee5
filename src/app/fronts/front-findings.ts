/**
 * Puts together what the fronts have found: samples that fail, inputs that kill workers.
 *
 * A version fails for the whole server while any front finds that it does, and until that front
 * finds otherwise or is gone. Each front is told what the others have found. An input has its
 * deaths on all fronts together.
 */
import type { Service } from "../../service/index.ts";
import type { InputNews } from "../compose.ts";
import type { FrontProcess } from "./front-process.ts";
import type { StandingNews } from "./messages.ts";

type VersionName = Pick<StandingNews, "model" | "version">;

export class FrontFindings {
  readonly #service: Service;
  readonly #fronts: ReadonlySet<FrontProcess>;

  /** @param fronts those that live, kept up to date by the caller */
  constructor(service: Service, fronts: ReadonlySet<FrontProcess>) {
    this.#service = service;
    this.#fronts = fronts;
  }

  /** A front has found something of a version. */
  note(front: FrontProcess, news: StandingNews): void {
    if (news.isFailing) front.failing.add(nameOf(news));
    else front.failing.delete(nameOf(news));
    this.judge(news);
  }

  /** A front is gone: what it had found counts no more. REQUIRES: it is not among the living. */
  left(front: FrontProcess): void {
    for (const served of this.#service.servedVersions()) {
      if (front.failing.has(nameOf(served))) this.judge(served);
    }
  }

  /** What one front has found of an input holds for all. */
  learn(from: FrontProcess, news: InputNews): void {
    const { models } = this.#service.registry;
    models.get(news.model)?.versions.get(news.version)?.served?.learnSuspect(news.suspect);
    for (const front of this.#fronts) {
      if (front !== from && front.isOpen) front.send({ kind: "suspect", news });
    }
  }

  /** Tells each front what the others, the primary among them, have found of a version. */
  judge({ model, version }: VersionName): void {
    const served = this.#service.registry.models.get(model)?.versions.get(version)?.served;
    if (served === undefined) return;
    const name = nameOf({ model, version });
    const finders = [...this.#fronts].filter((each) => each.failing.has(name));
    served.standing.isFailingElsewhere = finders.length > 0;
    for (const front of this.#fronts) {
      const isElsewhere = finders.some((each) => each !== front);
      const isFailing = served.standing.now.isFailing || isElsewhere;
      front.send({ kind: "standing", news: { model, version, isFailing } });
    }
  }
}

function nameOf({ model, version }: VersionName): string {
  return `${model}\n${version}`;
}
