/**
 * How a door speaks TLS: the same settings for each, so that who knows one knows all.
 */
import { z } from "zod";

const since = "0.1.0";

/** The paths are read at the start. */
export const tlsFields = {
  tlsCert: z.string().max(4_096).default("").meta({
    description: "Certificate chain, a PEM file; with `tlsKey` the door speaks TLS only.",
    since,
  }),
  tlsKey: z.string().max(4_096).default("").meta({
    description: "Private key of the certificate, a PEM file.",
    since,
  }),
  tlsClientCa: z.string().max(4_096).default("").meta({
    description: "Callers must show a certificate of these authorities, a PEM file; empty: none.",
    since,
  }),
};
