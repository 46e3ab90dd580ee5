/**
 * Reads the PEM files of a secure door, and sees that they are what their settings say.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
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
 * @throws CommandError when a file is missing, unreadable or not what it should be
 */
export function readTls(section: "server" | "grpc", paths: TlsPaths): TlsParts | undefined {
  const { tlsCert, tlsKey, tlsClientCa } = paths;
  if (tlsCert === "" && tlsKey === "" && tlsClientCa === "") return undefined;
  if (tlsCert === "" || tlsKey === "") {
    const message = `${section}.tlsCert and ${section}.tlsKey: both are needed for TLS`;
    throw new CommandError(message, exitCodes.usage);
  }
  const cert = readPem(`${section}.tlsCert`, tlsCert);
  const key = readPem(`${section}.tlsKey`, tlsKey);
  checkCertificate(`${section}.tlsCert`, cert);
  tryOut(
    () => createPrivateKey(key),
    `${section}.tlsKey: no private key in PEM without a password`,
  );
  tryOut(() => createSecureContext({ cert }), `${section}.tlsCert: too weak for TLS, or not whole`);
  const mismatch = `${section}.tlsKey: it is not the key of ${section}.tlsCert`;
  tryOut(() => createSecureContext({ cert, key }), mismatch);
  if (tlsClientCa === "") return { cert, key, clientCa: undefined };
  const clientCa = readPem(`${section}.tlsClientCa`, tlsClientCa);
  // The TLS library would take none from it without a word and refuse every caller.
  checkCertificate(`${section}.tlsClientCa`, clientCa);
  return { cert, key, clientCa };
}

function checkCertificate(setting: string, pem: Buffer): void {
  const message = `${setting}: no certificate in PEM`;
  if (!pem.includes("-----BEGIN ")) throw new CommandError(message, exitCodes.usage);
  tryOut(() => new X509Certificate(pem), message);
}

/** What the TLS library says names no setting. */
function tryOut(use: () => unknown, message: string): void {
  try {
    use();
  } catch {
    throw new CommandError(message, exitCodes.usage);
  }
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CommandError(`${setting}: ${path} cannot be read (${code})`, exitCodes.usage);
  }
}
