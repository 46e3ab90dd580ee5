/**
 * Sends the demo's requests as any client would, and times them.
 *
 * Many at once go over connections of their own that were opened before, because the demo is to
 * show how the server shares its runs, not how fast this client connects.
 */
import { Agent, request } from "node:http";

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** From sending to the last byte, ms. */
  readonly tookMs: number;
}

export interface Client {
  readonly url: string;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  close(): void;
}

const connectionsMax = 512;

/** A client of the server at `url`. */
export function makeClient(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const send = (method: string, path: string, body: string | undefined): Promise<Reply> => {
    const sentAtMs = performance.now();
    return new Promise((done, fail) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const asked = request(url + path, { method, agent, headers }, (reply) => {
        let text = "";
        reply.setEncoding("utf8");
        reply.on("data", (chunk: string) => {
          text += chunk;
        });
        reply.on("error", fail);
        reply.on("end", () => {
          const { statusCode = 0, headers: got } = reply;
          done({ status: statusCode, text, headers: got, tookMs: performance.now() - sentAtMs });
        });
      });
      asked.on("error", fail);
      asked.end(body);
    });
  };
  return {
    url,
    get: (path) => send("GET", path, undefined),
    post: (path, body) => send("POST", path, JSON.stringify(body)),
    close: () => agent.destroy(),
  };
}

/** The body of a reply as JSON; an object without keys when it is none. */
export function jsonOf(reply: Reply): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(reply.text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Not JSON: the status tells what happened.
  }
  return {};
}
