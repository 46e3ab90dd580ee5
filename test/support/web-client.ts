/**
 * A hand-written client of gRPC-Web over `fetch`, and messages by a foreign library over our
 * `.proto` files.
 */

import { join } from "node:path";
import { loadSync, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import { prefixed } from "../../tools/grpc-requests.ts";
import { root } from "./built-server.ts";
import type { Plain } from "./grpc-client.ts";
import { ask, openSession } from "./http2-client.ts";

const files = ["inference/grpc_service.proto", "sentiment.proto", "grpc/health/v1/health.proto"];
const rules = { keepCase: true, longs: String, enums: String, defaults: true, arrays: true };

/** One entry for each method of these files, by path. */
const methods = new Map<string, MethodDefinition<object, object>>();
for (const file of files) {
  const loaded = loadSync(file, { ...rules, includeDirs: [join(root, "proto")] });
  for (const each of Object.values(loaded)) {
    if ("format" in each) continue;
    for (const method of Object.values(each as ServiceDefinition)) {
      methods.set(method.path.slice(1), method as MethodDefinition<object, object>);
    }
  }
}

export interface WebTerms {
  /** Over HTTP/2 in cleartext, as a browser sends it inside TLS. */
  readonly isHttp2?: boolean;
  readonly isText?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What came back. */
export interface WebEnd {
  readonly status: number;
  readonly headers: Headers;
  /** Status of the call; -1 when the reply had none. */
  readonly code: number;
  readonly details: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly replies: readonly Plain[];
}

/** The message of a method as a frame. */
export function webRequest(path: string, request: Plain): Buffer {
  return prefixed(definitionOf(path).requestSerialize(request));
}

/** Calls `service/method` of the server at `target`. */
export async function callWeb(
  target: string,
  path: string,
  request: Plain,
  terms: WebTerms = {},
): Promise<WebEnd> {
  return await sendWeb(target, path, webRequest(path, request), terms);
}

/** The same with a body that was made by hand. */
export async function sendWeb(
  target: string,
  path: string,
  body: Uint8Array,
  terms: WebTerms = {},
): Promise<WebEnd> {
  const { isText = false, isHttp2 = false } = terms;
  const asked: Asked = {
    url: `http://${target}/${path}`,
    headers: {
      "content-type": `application/grpc-web${isText ? "-text" : ""}+proto`,
      "x-grpc-web": "1",
      ...terms.headers,
    },
    body: isText ? Buffer.from(Buffer.from(body).toString("base64")) : Buffer.from(body),
    signal: terms.signal,
  };
  const { status, headers, bytes } = await (isHttp2 ? overHttp2(asked) : overHttp1(asked));
  const type = headers.get("content-type") ?? "";
  const frames = type.startsWith("application/grpc-web-text") ? unpadded(bytes) : bytes;
  return { status, headers, ...readFrames(path, frames) };
}

interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer<ArrayBuffer>;
  readonly signal: AbortSignal | undefined;
}

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

async function overHttp1({ url, headers, body, signal }: Asked): Promise<Got> {
  const rest = signal === undefined ? {} : { signal };
  const reply = await fetch(url, { method: "POST", headers, body, ...rest });
  const bytes = Buffer.from(await reply.arrayBuffer());
  return { status: reply.status, headers: reply.headers, bytes };
}

async function overHttp2({ url, headers, body, signal }: Asked): Promise<Got> {
  const session = openSession(url);
  const head = { ":method": "POST", ":path": new URL(url).pathname, ...headers };
  signal?.addEventListener("abort", () => session.destroy());
  const heard = await ask(session, head, (stream) => void stream.end(body));
  session.destroy();
  const got = new Headers();
  for (const [name, value] of Object.entries(heard.headers)) {
    if (!name.startsWith(":")) got.set(name, String(value));
  }
  return { status: heard.status, headers: got, bytes: heard.bytes };
}

/** Each flush has a padding of its own. */
function unpadded(text: Buffer): Buffer {
  const groups = text.toString("latin1").match(/.{4}/g) ?? [];
  return Buffer.concat(groups.map((each) => Buffer.from(each, "base64")));
}

function readFrames(path: string, bytes: Buffer): Omit<WebEnd, "status" | "headers"> {
  const replies: Plain[] = [];
  const trailers: Record<string, string> = {};
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const content = bytes.subarray(at + 5, end);
    if ((bytes[at] ?? 0) < 0x80) {
      replies.push(definitionOf(path).responseDeserialize(content) as Plain);
    } else {
      for (const line of content.toString("latin1").split("\r\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) trailers[line.slice(0, colon)] = line.slice(colon + 1).trim();
      }
    }
    at = end;
  }
  const code = Number(trailers["grpc-status"] ?? -1);
  return { code, details: decodeURIComponent(trailers["grpc-message"] ?? ""), trailers, replies };
}

function definitionOf(path: string): MethodDefinition<object, object> {
  const method = methods.get(path);
  if (method === undefined) throw new Error(`no method ${path}`);
  return method;
}
