// Goal: every door gives the bits of the first for every fixture model that it can express, and
// refuses with a code of the caller's what it cannot. Method: the same request, one at a time (the
// last bit of a float may depend on who shares a run), through the Open Inference Protocol in raw
// bytes and then through each other door; which of them must answer is worked out from the rules
// that stand beside the doors, and what was compared is counted and printed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltServer, get, startBuilt } from "../support/built-server.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "../support/certificates.ts";
import type { Door, Servers } from "../support/doors/door.ts";
import { exampleDoors } from "../support/doors/example-doors.ts";
import { http2Doors, tlsDoors } from "../support/doors/http2-doors.ts";
import {
  differenceOf,
  type ModelDetails,
  type Question,
  Refused,
} from "../support/doors/question.ts";
import { rowDoors } from "../support/doors/row-doors.ts";
import { tensorDoors } from "../support/doors/tensor-doors.ts";
import { tfServingDoors } from "../support/doors/tf-serving-doors.ts";
import {
  copyInto,
  inputsOf,
  nameOf,
  needsLocale,
  runningModels,
} from "../support/fixture-models.ts";
import { fixturesFolder, whySkipped } from "../support/fixtures.ts";
import { inferBinary } from "../support/oip-client.ts";

const hasFixtures = fixturesFolder() !== undefined;
if (!hasFixtures) console.warn(whySkipped);

/** What a door did, by model. */
interface Tally {
  equal: number;
  readonly refused: Map<string, number>;
}

const doors: readonly [string, Door][] = Object.entries({
  ...tensorDoors,
  ...tfServingDoors,
  ...exampleDoors,
  ...rowDoors,
  ...http2Doors,
  ...(hasOpenssl() ? tlsDoors : {}),
});
const tallies = new Map<string, Tally>(
  doors.map(([name]) => [name, { equal: 0, refused: new Map() }]),
);
const withoutLocale: string[] = [];

/** Codes of refusals that are the caller's to mend. */
const callersCodes = ["INVALID_INPUT", "INVALID_REQUEST", "OUTPUT_NOT_REPRESENTABLE"];

/** What is wrong with a door's answer, in a line; "" for nothing. */
async function tryDoor(servers: Servers, door: Door, question: Question): Promise<string> {
  if (door.wordless?.(question) !== undefined) return "";
  const reason = door.cannot(question);
  try {
    const got = await door.ask(servers, question);
    if (reason !== undefined) return `answered, though ${reason}`;
    return differenceOf(question, door.wanted(question), got);
  } catch (thrown) {
    if (!(thrown instanceof Refused)) return String(thrown);
    if (reason === undefined) return `refused: ${thrown.message.slice(0, 300)}`;
    return callersCodes.includes(thrown.code) ? "" : `refused with ${thrown.message}`;
  }
}

function count(name: string, reason: string | undefined): void {
  const tally = tallies.get(name);
  if (tally === undefined) return;
  if (reason === undefined) tally.equal += 1;
  else tally.refused.set(reason, (tally.refused.get(reason) ?? 0) + 1);
}

function report(): string {
  const lines = [...tallies].map(([name, { equal, refused }]) => {
    const reasons = [...refused].map(([reason, times]) => `${times} ${reason}`).join("; ");
    return `  ${name.padEnd(28)} ${String(equal).padStart(3)} equal  ${reasons}`;
  });
  return `doors over fixture models, bit by bit\n${lines.join("\n")}\n`;
}

describe.skipIf(!hasFixtures)("fixture models", () => {
  let servers: Servers;
  let repository: string;
  let secure: BuiltServer | undefined;
  let certificate: Certificate | undefined;

  beforeAll(async () => {
    repository = mkdtempSync(join(tmpdir(), "millrace-doors-"));
    for (const model of runningModels) copyInto(repository, model);
    const options = { readyMsMax: 180_000 };
    const dialects = "server.dialects=kserve:sagemaker:vertex:torchserve";
    const forPlatforms = ["--set", dialects, "--set", "vertex.predictRoute=/vertex"];
    const main = await startBuilt([repository, "--workers-share"], options);
    const args = [repository, "--workers-share", ...forPlatforms];
    servers = { main, platform: await startBuilt(args, options) };
    if (!hasOpenssl()) return;
    certificate = makeCertificate();
    const { certFile, keyFile, ca } = certificate;
    const tls = ["--set", `server.tlsCert=${certFile}`, "--set", `server.tlsKey=${keyFile}`];
    const plan = { ...options, tls: { ca } };
    secure = await startBuilt([repository, "--workers-share", "--no-grpc", ...tls], plan);
    servers = { ...servers, secure: { url: secure.url, ca } };
  }, 400_000);

  afterAll(async () => {
    process.stdout.write(report());
    if (withoutLocale.length > 0) {
      process.stdout.write(`  not loaded for want of a locale: ${withoutLocale.join(", ")}\n`);
    }
    await Promise.all([servers?.main.stop(), servers?.platform.stop(), secure?.stop()]);
    certificate?.remove();
    rmSync(repository, { recursive: true, force: true });
  });

  test.each(runningModels.map((model) => [nameOf(model), model] as const))(
    "%s: each door answers alike or refuses",
    async (name, model) => {
      const { body } = await get(`${servers.main.url}/models/${name}`);
      const details = body as ModelDetails & { readonly ready: boolean; readonly reason?: string };
      if (needsLocale.has(name) && !details.ready) {
        expect(details.reason).toContain("en_US.UTF-8");
        withoutLocale.push(name);
        return;
      }
      const inputs = inputsOf(model);
      const first = await inferBinary(`${servers.main.url}/v2/models/${name}/infer`, inputs);
      expect(first.error).toBeUndefined();
      const question = { model: name, inputs, details, truth: first.outputs };
      const faults: string[] = [];
      for (const [door, way] of doors) {
        const fault = await tryDoor(servers, way, question);
        if (fault === "") count(door, way.wordless?.(question) ?? way.cannot(question));
        else faults.push(`${door}: ${fault}`);
      }
      expect(faults).toEqual([]);
    },
    // A large image goes through each door as text.
    400_000,
  );

  test("every door was compared over most models or says why not", () => {
    for (const [name, { equal, refused }] of tallies) {
      const refusals = [...refused.values()].reduce((sum, each) => sum + each, 0);
      expect([name, equal + refusals]).toEqual([name, runningModels.length - withoutLocale.length]);
      expect(equal).toBeGreaterThan(0);
    }
  });
});
