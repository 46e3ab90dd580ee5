/**
 * Reads the PEM files of a secure door.
 */
import { readFileSync } from "node:fs";
import type { TlsParts } from "../transport/index.ts";
import { CommandError, exitCodes } from "./terminal.ts";

/** Paths from the configuration; "" = not set. */
export interface TlsPaths {
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsClientCa: string;
}

/**
 * `undefined` for a door without TLS.
 * @param section of the configuration, for the words of a refusal
 * @throws CommandError when a file is missing or unreadable
 */
export function readTls(section: "server" | "grpc", paths: TlsPaths): TlsParts | undefined {
  const { tlsCert, tlsKey, tlsClientCa } = paths;
  if (tlsCert === "" && tlsKey === "" && tlsClientCa === "") return undefined;
  if (tlsCert === "" || tlsKey === "") {
    const message = `${section}.tlsCert and ${section}.tlsKey: both are needed for TLS`;
    throw new CommandError(message, exitCodes.usage);
  }
  return {
    cert: readPem(`${section}.tlsCert`, tlsCert),
    key: readPem(`${section}.tlsKey`, tlsKey),
    clientCa: tlsClientCa === "" ? undefined : readPem(`${section}.tlsClientCa`, tlsClientCa),
  };
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CommandError(`${setting}: ${path} cannot be read (${code})`, exitCodes.usage);
  }
}
