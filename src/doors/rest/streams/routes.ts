/**
 * The routes whose answers are streams.
 */
import { randomBytes } from "node:crypto";
import { KeptStreams, type Service } from "../../../service/index.ts";
import type { Route } from "../http/router.ts";
import type { ParseThread } from "../simple/parse-thread.ts";
import { makeReadBody } from "../simple/read-body.ts";
import { resumeStream, streamPredict } from "./predict-stream.ts";
import type { StreamSource } from "./stream-source.ts";

/** Bytes of a stream's name: 2^128 names cannot be tried. */
const idBytes = 16;

/** @param thread reads bodies that are too large for the event loop */
export function streamRoutes(service: Service, thread: ParseThread): Route[] {
  const { clock, limits } = service;
  const newId = (): string => randomBytes(idBytes).toString("hex");
  const kept = new KeptStreams<StreamSource>({ clock, limits, newId });
  const route = { service, kept, readBody: makeReadBody(service, thread) };
  // A GET too is work that a stop waits for, and has its deadline: both come with a body.
  const simple = { body: "json", dialect: "simple" } as const;
  return [
    {
      ...{ ...simple, method: "POST", path: "/predict/stream" },
      handle: (exchange) => streamPredict(route, exchange),
    },
    {
      ...{ ...simple, method: "GET", path: "/predict/stream/:id" },
      handle: (exchange) => resumeStream(route, exchange),
    },
  ];
}
