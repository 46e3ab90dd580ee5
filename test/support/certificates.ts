/**
 * Certificates for tests, made by openssl where there is one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** True when openssl can be started. */
export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** The certificate, which is its own authority. */
  readonly ca: Buffer;
  remove(): void;
}

/** One for 127.0.0.1, in a folder of its own. */
export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "millrace-certificate-"));
  const [certFile, keyFile] = [join(folder, "server.pem"), join(folder, "server.key")];
  const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", [...words, ...subject, ...files], { stdio: "ignore" });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  return { certFile, keyFile, ca: readFileSync(certFile), remove };
}
