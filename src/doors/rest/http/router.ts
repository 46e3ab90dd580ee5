/**
 * Finds the route of a path.
 *
 * Paths without parameters are one Map look-up; the rest walk a tree of segments, where a literal
 * wins over a parameter unless it leads nowhere, so that a model may be called like a literal.
 * Segments are percent-decoded once, after splitting, so `%2F` never makes a new segment. A known
 * path with another verb is METHOD_NOT_ALLOWED with the verbs it has.
 */
import { quote, ServingError } from "../../../base/index.ts";
import type { Dialect } from "./error-body.ts";
import type { Exchange } from "./exchange.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

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
const noMethods: readonly Method[] = [];

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
    const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const walk = new Walk(trimmed.split("/"), method === "HEAD" ? "GET" : method);
    const route = walk.down(this.#root, 1);
    if (route !== undefined) return { route, parameters: walk.parameters };
    if (walk.allowed.length === 0) {
      throw new ServingError("NOT_FOUND", `no route ${quote(path)}: see /docs for the list`);
    }
    const allowed = walk.allowed.join(", ");
    const message = `${quote(path)} answers ${allowed}, not ${quote(method)}`;
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
}

/** One search; it visits each node of the table at most once. */
class Walk {
  readonly parameters: string[] = [];
  /** The verbs of the path's other routes, once each. */
  allowed: readonly Method[] = noMethods;
  readonly #segments: readonly string[];
  readonly #method: string;

  constructor(segments: readonly string[], method: string) {
    this.#segments = segments;
    this.#method = method;
  }

  /** The route below `node` for the segments from `index` on. */
  down(node: Node, index: number): Route | undefined {
    const segment = this.#segments[index];
    if (segment === undefined) return this.#routeOf(node);
    const literal = node.literals.get(segment);
    const route = literal === undefined ? undefined : this.down(literal, index + 1);
    if (route !== undefined || node.parameter === undefined) return route;
    this.parameters.push(decodeSegment(segment));
    const found = this.down(node.parameter, index + 1);
    if (found === undefined) this.parameters.pop();
    return found;
  }

  #routeOf(node: Node): Route | undefined {
    for (const route of node.routes) {
      if (route.method === this.#method) return route;
      if (!this.allowed.includes(route.method)) this.allowed = [...this.allowed, route.method];
    }
    return undefined;
  }
}

/**
 * The path and query of a request target. An absolute one (`http://host/path`, as proxies send it)
 * names a host too, and every host is ours (RFC 9112, 3.2.2).
 */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const scheme = target.slice(0, 8).toLowerCase();
  const from = scheme.startsWith("http://") ? 7 : scheme === "https://" ? 8 : -1;
  if (from === -1) return target;
  const slash = target.indexOf("/", from);
  const question = target.indexOf("?", from);
  if (question !== -1 && (slash === -1 || question < slash)) return `/${target.slice(question)}`;
  return slash === -1 ? "/" : target.slice(slash);
}

function decodeSegment(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new ServingError("INVALID_REQUEST", "the path has a percent sign that encodes nothing");
  }
}
