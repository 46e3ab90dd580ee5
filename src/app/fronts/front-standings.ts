/**
 * Puts together what the fronts have found of the versions' samples.
 *
 * A version fails for the whole server while any front finds that it does, and until that front
 * finds otherwise or is gone. Each front is told what the others have found.
 */
import type { Service } from "../../service/index.ts";
import type { FrontProcess } from "./front-process.ts";
import type { StandingNews } from "./messages.ts";

type VersionName = Pick<StandingNews, "model" | "version">;

export class FrontStandings {
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
