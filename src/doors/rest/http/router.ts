/**
 * Finds the route of a path.
 *
 * Paths without parameters are one Map look-up; the rest walk a tree of segments, where a literal
 * wins over a parameter. Segments are percent-decoded once, after splitting, so `%2F` never makes a
 * new segment. A known path with another verb is METHOD_NOT_ALLOWED with the verbs it has.
 */
import { ServingError } from "../../../base/index.ts";
import type { Dialect } from "./error-body.ts";
import type { Exchange } from "./exchange.ts";

export type Method = "GET" | "POST";

export interface Route {
  readonly method: Method;
  /** `/v2/models/:model/infer`; a segment may end in a literal, as in `:model`. */
  readonly path: string;
  /** Whether the body is read before `handle`; `json` and `tensors` set which limit counts. */
  readonly body: "none" | "json" | "tensors";
  /** How errors are written. */
  readonly dialect: Dialect;
  /** Answers the exchange, now or later; a throw or rejection becomes an error reply. */
  handle(exchange: Exchange): void | Promise<void>;
}

export interface Found {
  readonly route: Route;
  readonly parameters: readonly string[];
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  readonly routes: Route[];
}

const noParameters: readonly string[] = [];

function newNode(): Node {
  // At most one entry for each segment of the route table.
  return { literals: new Map(), parameter: undefined, routes: [] };
}

export class Router {
  readonly #root = newNode();
  /** Routes without parameters by method, then by path; one entry for each. */
  readonly #fixed = new Map<string, Map<string, Found>>();

  /** REQUIRES: no two routes have one method and path. */
  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  /**
   * @param path the URL up to the query
   * @throws NOT_FOUND, METHOD_NOT_ALLOWED, INVALID_REQUEST (bad percent-encoding)
   */
  find(method: string, path: string): Found {
    const known = this.#fixed.get(method)?.get(path);
    if (known !== undefined) return known;
    const parameters: string[] = [];
    const node = this.#walk(path, parameters);
    if (node === undefined || node.routes.length === 0) {
      throw new ServingError("NOT_FOUND", `no route ${printable(path)}: see /docs for the list`);
    }
    const wanted = method === "HEAD" ? "GET" : method;
    const route = node.routes.find((each) => each.method === wanted);
    if (route !== undefined) return { route, parameters };
    const allowed = node.routes.map((each) => each.method).join(", ");
    const message = `${printable(path)} answers ${allowed}, not ${printable(method)}`;
    throw new ServingError("METHOD_NOT_ALLOWED", message, { field: allowed });
  }

  #add(route: Route): void {
    let node = this.#root;
    const segments = route.path.split("/").slice(1);
    for (const segment of segments) {
      if (segment.startsWith(":")) {
        node.parameter ??= newNode();
        node = node.parameter;
        continue;
      }
      const next = node.literals.get(segment) ?? newNode();
      node.literals.set(segment, next);
      node = next;
    }
    node.routes.push(route);
    if (!route.path.includes(":")) {
      const ofMethod = this.#fixed.get(route.method) ?? new Map<string, Found>();
      this.#fixed.set(route.method, ofMethod.set(route.path, { route, parameters: noParameters }));
    }
  }

  #walk(path: string, parameters: string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    for (const raw of trimmed.split("/").slice(1)) {
      if (node === undefined) return undefined;
      const literal: Node | undefined = node.literals.get(raw);
      if (literal !== undefined) {
        node = literal;
        continue;
      }
      if (node.parameter === undefined) return undefined;
      parameters.push(decodeSegment(raw));
      node = node.parameter;
    }
    return node;
  }
}

function decodeSegment(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new ServingError("INVALID_REQUEST", "the path has a percent sign that encodes nothing");
  }
}

/** Text of a caller, fit for a message: at most 80 characters, control characters shown as `?`. */
export function printable(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  let shown = "";
  for (const character of cut) {
    const code = character.codePointAt(0) ?? 0;
    shown += code < 32 || code === 127 ? "?" : character;
  }
  return shown;
}
