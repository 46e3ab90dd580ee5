/**
 * `h2spec` against the gRPC port and the REST port, each in cleartext and over TLS: which of its
 * cases fail, and why each may.
 *
 * It tests a server of web pages by RFC 7540. A case that fails and is not explained here is a
 * failure; one that is explained and passes is fine, for some depend on what arrives first.
 */
import { join } from "node:path";
import { freePort, startServer } from "../demo/started-server.ts";
import { type Report, run } from "./report.ts";
import { root } from "./server.ts";
import type { Visit } from "./visit.ts";

const headAlone =
  "h2spec waits for a body; who does not speak gRPC is answered by a head alone, here 405";
const dropped =
  "frames on a stream that has ended are dropped in silence by node:http2 (nghttp2), as RFC 9113 " +
  "section 5.1 allows for some time after its end";
const priority = "node:http2 ignores priorities, which RFC 9113 section 5.3 took out";
const closes = "node:http2 is stricter: it ends the connection";
const shared =
  "the port also speaks HTTP/1.1, so what is no preface is answered in that: 400, and the end";

/** Explained at every port, by section and number; those before RFC 7540's own are `generic`. */
const explained: Readonly<Record<string, string>> = {
  "5.1.2/1": "each call is answered before the next is read, so the limit is never reached",
};

const explainedSecureGrpc = { "generic 2/2": headAlone, "generic 2/3": headAlone };
const explainedGrpc = { ...explainedSecureGrpc, "3.5/2": shared };
/** REST speaks HTTP/2 through node:http2. */
const explainedNode = {
  "5.1/5": dropped,
  "5.1/6": dropped,
  "5.1/8": dropped,
  "5.1/9": dropped,
  "5.1/11": dropped,
  "5.1/12": dropped,
  "5.1.1/2": `a stream with a lower number counts as one that has ended: ${dropped}`,
  "5.3.1/2": priority,
  "6.1/2": dropped,
  "6.3/1": priority,
  "6.7/2": closes,
  "6.9/2": dropped,
  "6.9.1/3": closes,
};
const explainedRest = { ...explainedNode, "3.5/2": shared };

interface Target {
  readonly name: string;
  /** Words that say where it is. */
  readonly args: readonly string[];
  readonly explained: Readonly<Record<string, string>>;
}

/** Runs it four times; takes about a minute. */
export async function runH2spec({ server, environments, report }: Visit): Promise<void> {
  const module = "github.com/summerwind/h2spec";
  const version = "v2.2.1+incompatible";
  const command = await environments.go({
    ...{ name: "h2spec", module, version, command: `${module}/cmd/h2spec` },
  });
  if (command === undefined) {
    report.fail("h2spec", "it could not be built: Go and its module proxy are needed");
    return;
  }
  const at = (place: string): string[] => {
    const [host = "", port = ""] = place.split(":");
    return ["-h", host, "-p", port, "--timeout", "2"];
  };
  const { grpc, rest } = server;
  await judge(command, report, { name: "gRPC", args: at(grpc), explained: explainedGrpc });
  await judge(command, report, { name: "REST", args: at(rest), explained: explainedRest });
  const files = await makeCertificate(environments.folder("certificate"));
  if (files === undefined) {
    report.skip("h2spec TLS", "openssl is needed for a certificate");
    return;
  }
  const grpcPort = await freePort(8_001);
  const words = Object.entries(files).flatMap(([name, path]) => [
    ...["--set", `server.${name}=${path}`, "--set", `grpc.${name}=${path}`],
  ]);
  words.push("--grpc-port", String(grpcPort));
  const secure = await startServer(join(root, "models"), words, { isSecure: true });
  const over = (port: number): string[] => [...at(`127.0.0.1:${port}`), "-t", "-k"];
  try {
    const own = { args: over(grpcPort), explained: explainedSecureGrpc };
    await judge(command, report, { name: "gRPC over TLS", ...own });
    const rested = { args: over(secure.port), explained: explainedNode };
    await judge(command, report, { name: "REST over TLS", ...rested });
  } finally {
    await secure.stop();
  }
}

async function judge(command: string, report: Report, target: Target): Promise<void> {
  const { name, args } = target;
  const { output } = await run({ command, args });
  const count = output.trim().split("\n").at(-1) ?? "";
  if (!count.includes(" passed")) {
    report.fail(`h2spec ${name}`, output);
    return;
  }
  report.pass(`h2spec ${name} ran: ${count}`);
  for (const { key, title } of failures(output)) {
    const why = explained[key] ?? target.explained[key];
    if (why === undefined) report.fail(`h2spec ${name} ${key} ${title}`, "it is not explained");
    else report.differs(`h2spec ${name} ${key} ${title}`, why);
  }
}

/** The settings of a port with a certificate of its own; `undefined` where there is no openssl. */
async function makeCertificate(folder: string): Promise<Record<string, string> | undefined> {
  const [tlsKey, tlsCert] = [join(folder, "server.key"), join(folder, "server.pem")];
  const kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
  const args = [...kind, "-subj", "/CN=localhost", "-keyout", tlsKey, "-out", tlsCert];
  const { code } = await run({ command: "openssl", args });
  return code === 0 ? { tlsCert, tlsKey } : undefined;
}

/** What stands below "Failures:": headings of sections, and crossed cases by their number. */
function failures(output: string): { key: string; title: string }[] {
  const found: { key: string; title: string }[] = [];
  let section = "";
  let isGeneric = false;
  for (const line of output
    .slice(output.indexOf("Failures:"))
    .split("\n")
    .map((each) => each.trim())) {
    const [first = "", second = ""] = line.split(" ");
    if (line.startsWith("Generic tests")) isGeneric = true;
    else if (line.startsWith("Hypertext") || line.startsWith("HPACK")) isGeneric = false;
    else if (first === "×") {
      const key = `${isGeneric ? "generic " : ""}${section}/${second.replace(":", "")}`;
      found.push({ key, title: line.slice(line.indexOf(": ") + 2) });
    } else if (first.endsWith(".") && !Number.isNaN(Number.parseInt(first, 10))) {
      section = first.slice(0, -1);
    }
  }
  return found;
}
