// Goal: a file that is no certificate or key ends the start with the name of its setting.
// Method: files made by openssl, and a text, at each place.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasOpenssl } from "../../test/support/certificates.ts";
import { readTls } from "./tls-files.ts";

describe.skipIf(!hasOpenssl())("PEM files (skipped where openssl is missing)", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-tls-files-"));
  const [cert, key, other] = [join(folder, "cert"), join(folder, "key"), join(folder, "other")];
  const [text, der] = [join(folder, "text"), join(folder, "der")];

  beforeAll(() => {
    const run = (...words: string[]) => execFileSync("openssl", words, { stdio: "ignore" });
    const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
    run(...make, "-subj", "/CN=localhost", "-keyout", key, "-out", cert);
    run("genrsa", "-out", other, "2048");
    run("x509", "-in", cert, "-outform", "der", "-out", der);
    writeFileSync(text, "hello");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("takes a certificate, its key and an authority", () => {
    const tls = readTls("server", { tlsCert: cert, tlsKey: key, tlsClientCa: cert });
    expect(tls?.clientCa?.length).toBeGreaterThan(0);
  });

  test.each([
    ["a text as certificate", () => [text, key, ""], "grpc.tlsCert: no certificate in PEM"],
    ["DER as certificate", () => [der, key, ""], "grpc.tlsCert: no certificate in PEM"],
    ["a text as key", () => [cert, text, ""], "grpc.tlsKey: no private key in PEM"],
    [
      "the key of another",
      () => [cert, other, ""],
      "grpc.tlsKey: it is not the key of grpc.tlsCert",
    ],
    ["a text as authority", () => [cert, key, text], "grpc.tlsClientCa: no certificate in PEM"],
  ] as const)("refuses %s", (_, files, why) => {
    const [tlsCert = "", tlsKey = "", tlsClientCa = ""] = files();
    expect(() => readTls("grpc", { tlsCert, tlsKey, tlsClientCa })).toThrow(why);
  });
});
