/**
 * Runs foreign clients against Millrace, each in a throw-away environment.
 *
 *   node tools/foreign/main.ts [client ...]
 *
 * README.md beside says what each needs. Prints a line for each case and ends with 1 when one
 * failed.
 */
import { clients } from "./clients.ts";
import { Environments } from "./environment.ts";
import { Report } from "./report.ts";
import { startForeign } from "./server.ts";

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.find((name) => !clients.has(name));
  if (unknown !== undefined) {
    process.stderr.write(`no client ${unknown}: expected ${[...clients.keys()].join(", ")}\n`);
    return 2;
  }
  const report = new Report();
  const environments = new Environments();
  try {
    const server = await startForeign(environments.folder("repository"));
    try {
      for (const [name, client] of clients) {
        if (asked.length > 0 && !asked.includes(name)) continue;
        await client({ server, environments, report });
      }
    } finally {
      await server.server.stop();
    }
  } finally {
    environments.remove();
  }
  return report.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
