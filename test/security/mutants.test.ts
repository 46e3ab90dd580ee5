// Goal: no mutant of a model and no generated one ends the process that reads it, and none that
// loads ends the server. Method: seeded mutants of the demo models and random graphs in folders
// that `millrace inspect` judges, and some of them loaded and run by the built server beside a good
// model.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/index.ts";
import { builtMain, post } from "../support/built-server.ts";
import { generatedModel } from "./generated-model.ts";
import {
  demoModels,
  type House,
  isFull,
  makeRepository,
  openHouse,
  replay,
  seed,
} from "./hostile-house.ts";

const run = promisify(execFile);
const inspected = isFull ? 50_000 : 300;
const generated = isFull ? 10_000 : 300;
const repositorySize = 300;

/** The small demo models; the large ones only take longer. */
const parents: readonly Buffer[] = readdirSync(demoModels, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => readFileSync(join(demoModels, entry.name, "1.0.0/model.onnx")))
  .filter((bytes) => bytes.length < 200_000);

function whole(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

function pick(random: Random): Buffer {
  return parents[whole(random, parents.length)] ?? Buffer.alloc(0);
}

/** Changes few bytes, so that some mutants are still models. */
function mutant(random: Random): Buffer {
  const bytes = Buffer.from(pick(random));
  const kind = random.next();
  if (kind < 0.6) {
    for (let count = 1 + whole(random, 4); count > 0; count -= 1) {
      bytes[whole(random, bytes.length)] = whole(random, 256);
    }
    return bytes;
  }
  const at = whole(random, bytes.length);
  if (kind < 0.7) return bytes.subarray(0, at);
  const to = at + whole(random, Math.min(64, bytes.length - at));
  if (kind < 0.8) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
  if (kind < 0.9) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
  return Buffer.concat([bytes.subarray(0, at), pick(random).subarray(at)]);
}

type Make = (random: Random) => Uint8Array;

function mutants(from: number, count: number, make: Make = mutant): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (let index = from; index < from + count; index += 1) {
    files[`mutant-${index}/1/model.onnx`] = make(seededRandom(seed + index));
  }
  return files;
}

interface Inspected {
  readonly models: readonly { readonly name: string }[];
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

/** How many of them were refused. */
async function inspectAll(count: number, make: Make): Promise<number> {
  let refusals = 0;
  for (let from = 0; from < count; from += repositorySize) {
    const folder = makeRepository(mutants(from, repositorySize, make));
    const words = [builtMain, "inspect", folder, "--json"];
    const ended = await run(process.execPath, words, { maxBuffer: 2 ** 30 }).catch(
      (thrown: { code: unknown; stdout: string; stderr: string }) => {
        expect([from, thrown.code], thrown.stderr).toEqual([from, 1]);
        return thrown;
      },
    );
    const { models, refused } = JSON.parse(ended.stdout) as Inspected;
    expect(models.length + refused.length).toBe(repositorySize + 1);
    refusals += refused.length;
    for (const { name, reason } of refused) {
      expect(reason, name).not.toContain(folder);
      expect(reason, name).not.toMatch(/[\n\r\0]|onnxruntime|Node\.js/);
    }
    rmSync(folder, { recursive: true });
  }
  return refusals;
}

test(`inspects ${inspected} mutants without a crash (${replay})`, async () => {
  const refusals = await inspectAll(inspected, mutant);
  expect(refusals).toBeGreaterThan(inspected / 10);
  expect(refusals).toBeLessThan(inspected);
}, 3_600_000);

test(`inspects ${generated} generated models without a crash (${replay})`, async () => {
  const refusals = await inspectAll(generated, generatedModel);
  expect(refusals).toBeGreaterThan(generated / 10);
  expect(refusals).toBeLessThan(generated);
}, 3_600_000);

/** Each loaded mutant has a process of its own, so few are loaded at a time. */
const houses = isFull ? 40 : 2;
const loaded = 24;

/** Every other house is of generated models. */
const makes: readonly Make[] = [mutant, generatedModel];

test(`loads ${houses * loaded} mutants: each serves or is refused (${replay})`, async () => {
  for (let index = 0; index < houses; index += 1) {
    const house = await openHouse({
      files: mutants(1_000_000 + index * loaded, loaded, makes[index % makes.length]),
      limits: { modelLoadMsMax: 20_000, batchWallMsMax: 5_000 },
    });
    try {
      await expectServing(house);
    } finally {
      await house.close();
    }
  }
}, 3_600_000);

async function expectServing(house: House): Promise<void> {
  const { body } = await post(`${house.url}/v2/repository/index`, {});
  const listed = body as { name: string; state: string; reason: string }[];
  expect(listed.length).toBe(loaded + 1);
  for (const { name, state, reason } of listed) {
    if (name === "row") continue;
    expect(["READY", "UNAVAILABLE"], `${name} ${reason}`).toContain(state);
    expect(reason, name).not.toMatch(/[\n\r\0]|onnxruntime|\/tmp\//);
    for (const features of [[1, 2, 3, 4], [0, 0, 0, 0, 0], "text"]) {
      const request = typeof features === "string" ? { text: features } : { features };
      const reply = await post(`${house.url}/predict?model=${name}`, request);
      // A mutant may well break its promises: that is MODEL_OUTPUT_INVALID, and no fault of ours.
      const { code } = { code: "OK", ...(reply.body as { code?: string }) };
      expect(code, `${name} ${reply.text}`).not.toBe("INTERNAL");
    }
  }
  const allowed = [
    "MODEL_NOT_READY",
    "MODEL_OUTPUT_INVALID",
    "WORKER_LOST",
    "ENGINE_TIMEOUT",
    "MEMORY_EXHAUSTED",
  ];
  await house.endsWell({ allowed });
}
