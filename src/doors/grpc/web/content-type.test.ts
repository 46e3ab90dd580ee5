// Goal: each spelling of gRPC-Web is known and nothing else, and the reply is written as asked.
// Method: a table of headers.
import { expect, test } from "vitest";
import { replyFormatOf, webFormatOf } from "./content-type.ts";

test.each([
  ["application/grpc-web", false],
  ["application/grpc-web+proto", false],
  ["application/grpc-web-text", true],
  ["application/grpc-web-text+proto", true],
  ["Application/GRPC-Web; charset=utf-8", false],
])("reads %s", (type, isText) => {
  expect(webFormatOf(type)?.isText).toBe(isText);
});

test.each(["", "application/grpc", "application/grpc-web+json", "application/grpc-webx", ";"])(
  "does not read %j",
  (type) => {
    expect(webFormatOf(type)).toBeUndefined();
  },
);

test.each([
  ["application/grpc-web+proto", "", "application/grpc-web+proto"],
  ["application/grpc-web+proto", "*/*", "application/grpc-web+proto"],
  ["application/grpc-web+proto", "application/grpc-web", "application/grpc-web+proto"],
  ["application/grpc-web-text", "application/grpc-web-text", "application/grpc-web-text"],
  ["application/grpc-web", "text/html, application/grpc-web-text", "application/grpc-web-text"],
  ["application/grpc-web-text", "application/grpc-web+proto", "application/grpc-web+proto"],
])("%s with accept %j is answered as %s", (type, accept, reply) => {
  const format = webFormatOf(type);
  expect(format && replyFormatOf(format, accept).contentType).toBe(reply);
});
