/**
 * `h2spec` against the gRPC port in cleartext: which of its cases fail, and why each may.
 *
 * It tests a server of web pages by RFC 7540. A case that fails and is not explained here is a
 * failure; one that is explained and passes is fine, for some depend on what arrives first.
 */
import type { Visit } from "./clients.ts";
import { run } from "./report.ts";

const headAlone =
  "h2spec waits for a body; who does not speak gRPC is answered by a head alone, here 405";

/** By section and number; those before RFC 7540's own are `generic`. */
const explained: Readonly<Record<string, string>> = {
  "generic 2/2": headAlone,
  "generic 2/3": headAlone,
  "5.1.2/1": "each call is answered before the next is read, so the limit is never reached",
};

/** Runs it; takes about half a minute. */
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
  const [host = "", port = ""] = server.grpc.split(":");
  const { output } = await run({ command, args: ["-h", host, "-p", port, "--timeout", "2"] });
  const count = output.trim().split("\n").at(-1) ?? "";
  if (!count.includes(" passed")) {
    report.fail("h2spec", output);
    return;
  }
  report.pass(`h2spec ran: ${count}`);
  for (const { key, title } of failures(output)) {
    const why = explained[key];
    if (why === undefined) report.fail(`h2spec ${key} ${title}`, "it is not explained");
    else report.differs(`h2spec ${key} ${title}`, why);
  }
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
