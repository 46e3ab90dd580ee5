/**
 * In which of its spellings a call of gRPC-Web came, and in which it is answered.
 *
 * Contract: PROTOCOL-WEB.md of the gRPC project. `application/grpc-web` carries the frames as they
 * are, `application/grpc-web-text` in base64; either may name the messages' form, of which protobuf
 * alone is read. A caller that takes text only (`accept`) is answered in text.
 */

import type { CallHeaders } from "../http2/headers/call-headers.ts";

/** One spelling. */
export interface WebFormat {
  /** The frames stand in base64. */
  readonly isText: boolean;
  /** As it was named, without parameters. */
  readonly contentType: string;
}

/** Static: the types that are read. */
const formats: readonly WebFormat[] = [
  { isText: false, contentType: "application/grpc-web" },
  { isText: false, contentType: "application/grpc-web+proto" },
  { isText: true, contentType: "application/grpc-web-text" },
  { isText: true, contentType: "application/grpc-web-text+proto" },
];

/** True for a call of gRPC-Web, readable or not, and for the question whether a page may call. */
export function isWeb(headers: CallHeaders): boolean {
  const isAsked = headers["access-control-request-method"] !== undefined;
  if (headers[":method"] === "OPTIONS") return isAsked;
  return (headers["content-type"] ?? "").toLowerCase().startsWith("application/grpc-web");
}

/** The format that a `content-type` names, or `undefined` for one that is not read here. */
export function webFormatOf(contentType: string): WebFormat | undefined {
  const end = contentType.indexOf(";");
  const name = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return formats.find((each) => each.contentType === name);
}

/** What the reply is written in: what `accept` asks for, else what the request came in. */
export function replyFormatOf(request: WebFormat, accept: string): WebFormat {
  for (const range of accept.split(",")) {
    const format = webFormatOf(range);
    if (format !== undefined && format.isText !== request.isText) return format;
    if (format !== undefined) return request;
  }
  return request;
}
