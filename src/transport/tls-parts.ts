/**
 * What a door that speaks TLS is opened with.
 *
 * TLS 1.2 and newer; which ciphers is left to Node. A handshake has the time of a request's
 * headers.
 */
import type { TlsOptions } from "node:tls";
import type { Limits } from "../base/index.ts";

/** What a secure server shows, and whom it asks to show something. PEM. */
export interface TlsParts {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Callers must show a certificate of these; `undefined` = callers need none. */
  readonly clientCa: Buffer | undefined;
}

/** What a secure server is created with, beside what its protocol wants. */
export function secureOptions(
  { cert, key, clientCa }: TlsParts,
  { headersReadMsMax }: Pick<Limits, "headersReadMsMax">,
): TlsOptions {
  return {
    ...{ cert, key, minVersion: "TLSv1.2", handshakeTimeout: headersReadMsMax },
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}
