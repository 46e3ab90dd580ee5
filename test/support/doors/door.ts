/**
 * A door as the comparison sees it: what it cannot carry, and how it is asked.
 */
import type { BuiltServer } from "../built-server.ts";
import type { Part, Question } from "./question.ts";

/** The servers that are asked: with every dialect, and for platforms alone. */
export interface Servers {
  readonly main: BuiltServer;
  readonly platform: BuiltServer;
  /** With TLS on the REST port; `undefined` where no certificate can be made. */
  readonly secure?: { readonly url: string; readonly ca: Buffer } | undefined;
}

export interface Door {
  /** Why it cannot carry the question or its answer and refuses it, or `undefined`. */
  cannot(question: Question): string | undefined;
  /** Why its protocol has no words for the question, so that nothing can be asked. */
  wordless?(question: Question): string | undefined;
  /** What the answer has to be. */
  wanted(question: Question): readonly Part[];
  /** @throws Refused */
  ask(servers: Servers, question: Question): Promise<readonly Part[]>;
}
