/**
 * Requests as foreign clients write them, over HTTP, a WebSocket and gRPC; a refusal is thrown with
 * its code.
 */
import { WebSocket } from "ws";
import { GrpcClient, type Plain } from "../grpc-client.ts";
import { exactText, parseExact } from "./exact-json.ts";
import { Refused } from "./question.ts";

export interface Posted {
  readonly url: string;
  readonly body: unknown;
  readonly type?: string;
  readonly accept?: string;
}

/** The body of the answer as text. @throws Refused */
export async function postText({ url, body, type, accept = "*/*" }: Posted): Promise<string> {
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": type ?? "application/json", accept },
    body: typeof body === "string" ? body : exactText(body),
  });
  const text = await reply.text();
  if (reply.ok) return text;
  throw new Refused(reply.headers.get("x-error-code") ?? String(reply.status), text);
}

/** The body of the answer as JSON. @throws Refused */
export async function postExact(posted: Posted): Promise<Plain> {
  return parseExact(await postText(posted)) as Plain;
}

/** One message and its reply. @throws Refused for an error in the reply's JSON */
export async function onSocket(url: string, message: string | Buffer): Promise<string | Buffer> {
  const socket = new WebSocket(url.replace("http", "ws"), { maxPayload: 2 ** 28 });
  try {
    const reply = await new Promise<string | Buffer>((done, fail) => {
      socket.once("error", fail);
      socket.once("close", (code) => fail(new Refused(`closed with ${code}`, url)));
      socket.on("open", () => socket.send(message));
      socket.on("message", (content: Buffer, isBinary) => {
        done(isBinary ? content : content.toString());
      });
    });
    if (typeof reply === "string") throwError(parseExact(reply) as Plain);
    return reply;
  } finally {
    socket.terminate();
  }
}

/** @throws Refused where `json` says that something failed */
export function throwError(json: Plain): void {
  if (typeof json["code"] === "string") throw new Refused(json["code"], String(json["error"]));
}

/** One call's reply. @throws Refused */
export async function call(
  target: string,
  path: string,
  request: Plain,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Plain> {
  const client = new GrpcClient(target);
  try {
    const end = await client.call(path, request, { metadata });
    if (end.code === 0) return end.reply;
    throw new Refused(String(end.trailers["x-error-code"] ?? end.code), end.details);
  } finally {
    client.close();
  }
}

/** The reply to one message on a stream. @throws Refused */
export async function streamed(target: string, path: string, request: Plain): Promise<Plain> {
  const client = new GrpcClient(target);
  try {
    const { replies, code, details } = await client.exchange(path, [request]);
    const reply = replies[0];
    if (code !== 0 || reply === undefined) throw new Refused(String(code), details);
    return reply;
  } finally {
    client.close();
  }
}
