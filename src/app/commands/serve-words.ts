/**
 * What `millrace serve` says at its start.
 */
import { ServingError } from "../../base/index.ts";
import type { Service } from "../../service/index.ts";
import { columns } from "../terminal.ts";

/** Models shown by name; the rest is counted. */
const modelsShownMax = 10;

/** A URL that works on this machine: every address is also loopback. */
export function urlOf(host: string, port: number, isSecure = false): string {
  const isAny = host === "0.0.0.0" || host === "::";
  const name = isAny ? "127.0.0.1" : host;
  return `http${isSecure ? "s" : ""}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** `127.0.0.1:8001`: as gRPC clients name a target. */
export function targetOf(host: string, port: number): string {
  return urlOf(host, port).slice("http://".length);
}

export interface ReadyBlock {
  readonly url: string;
  /** Where the gRPC door is, or `undefined`. */
  readonly grpc: string | undefined;
  readonly hasDocs: boolean;
  /** What the listener speaks; `server.dialects`. */
  readonly dialects: readonly string[];
  /** A Unix socket that is listened on too, or "". */
  readonly unixSocket: string;
}

/** The block that tells a person where to go. */
export function readyBlock(service: Service, block: ReadyBlock): string {
  const { url, grpc, hasDocs, dialects, unixSocket } = block;
  const isSimple = dialects.includes("simple");
  const rows: string[][] = [];
  let hidden = 0;
  for (const { name, versions } of service.registry.models.values()) {
    const states = [...versions.values()].map(({ version, state }) =>
      state === "ready" ? version : `${version} (${state})`,
    );
    if (rows.length < modelsShownMax) rows.push([name, states.join(", ")]);
    else hidden += 1;
  }
  if (hidden > 0) rows.push([`and ${hidden} more`, `${url}/models`]);
  rows.push(["", ""]);
  if (isSimple) rows.push(["predict", `POST ${url}/predict`]);
  if (dialects.includes("oip")) rows.push(["protocol", `${url}/v2`]);
  rows.push(["metrics", `${url}/metrics`]);
  if (grpc !== undefined) rows.push(["grpc", grpc]);
  if (unixSocket !== "") rows.push(["socket", unixSocket]);
  if (hasDocs && isSimple) rows.push(["docs", `${url}/docs`]);
  rows.push(["process", `${process.pid}, stops on Ctrl-C or SIGTERM`]);
  return `\n${columns(rows, "  ")}\n`;
}

/** Where a door wanted to listen, and the flag that names another port. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  readonly flag: "--port" | "--grpc-port";
}

/** What the system said about the address, in words that say what to do. */
export function listenError(thrown: unknown, { host, port, flag }: ListenPlace): unknown {
  const code = (thrown as NodeJS.ErrnoException).code ?? "";
  const off = flag === "--grpc-port" ? "; --no-grpc opens no gRPC door" : "";
  const reasons: { readonly [code: string]: string } = {
    EADDRINUSE: `port ${port} is taken: name another with ${flag}, or 0 for any that is free${off}`,
    EACCES: `port ${port} may not be used by this user: take one above 1023`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `${host} is no address of this machine`,
  };
  const reason = reasons[code];
  return reason === undefined ? thrown : new ServingError("INTERNAL", reason);
}
