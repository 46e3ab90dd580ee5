// Goal: no body makes a reader of JSON do anything but take it or refuse it with a client's error.
// Method: valid bodies with bytes changed, cut and spliced from a printed seed, held against
// JSON.parse; then bodies that are endless in one direction.
import { expect, test } from "vitest";
import { defaultLimits, type Random, ServingError, seededRandom } from "../../src/base/index.ts";
import { JsonReader, NumberSink, readOipRequest } from "../../src/tensor/index.ts";

const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_260_705);
const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
const bodies = isFull ? 3_000_000 : 15_000;
const timeout = isFull ? 1_800_000 : 30_000;
const file = "test/fuzz/codecs-bodies.test.ts";
const replay = `MILLRACE_TEST_SEED=${seed} npx vitest run --project unit ${file}`;

const whole = (random: Random, below: number) => Math.floor(random.next() * below);
const pick = <T>(random: Random, list: readonly T[]): T => list[whole(random, list.length)] as T;

function refusalOf(act: () => void): ServingError | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    if (ServingError.is(thrown)) return thrown;
    throw thrown;
  }
}

const valid = [
  '{"id":"a","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32",' +
    '"data":[[1,2.5],[-3e2,0.25]]}]}',
  '{"inputs":[{"data":["a","\\u00e9\\ud83d\\ude00"],"datatype":"BYTES","shape":[2],"name":"t"}],' +
    '"outputs":[{"name":"y","parameters":{"binary_data":true}}]}',
  '{"parameters":{"timeout":5,"k":1.5},"inputs":[{"name":"i","shape":[3],"datatype":"INT64",' +
    '"data":[9223372036854775807,-1,0]}]}',
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"inputs":[{"name":"b",' +
    '"shape":[1],"datatype":"BOOL","parameters":{"__proto__":"x"},"data":[true]}]}',
  '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","parameters":{"binary_data_size":32}}]}',
];
const pieces = [
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  '"',
  "\\",
  "\\ud800",
  "1e400",
  "-",
  "NaN",
  "null",
  "__proto__",
  "\u0000",
  "9".repeat(30),
  "[[[[",
  "1e-9999999",
  " ",
];

function mutate(random: Random, text: string): Buffer {
  let bytes = Buffer.from(text);
  for (let count = 1 + whole(random, 4); count > 0; count -= 1) {
    const at = whole(random, bytes.length + 1);
    const to = Math.min(bytes.length, at + whole(random, 6));
    const kind = whole(random, 5);
    if (kind === 0 && at < bytes.length) bytes[at] = whole(random, 256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else {
      const piece = kind === 3 ? Buffer.from(pick(random, pieces)) : bytes.subarray(at, to);
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
  }
  return bytes;
}

test(
  "takes or refuses mutated bodies, and nothing else happens",
  () => {
    const random = seededRandom(seed);
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    const refusals = new Set(["INVALID_REQUEST", "INVALID_INPUT", "LIMIT_EXCEEDED", "UNSUPPORTED"]);
    for (let run = 0; run < bodies; run += 1) {
      const bytes = mutate(random, pick(random, valid));
      const shown = `${bytes.toString("latin1")}; ${replay}`;
      const error = refusalOf(() => readOipRequest(bytes, defaultLimits));
      if (error !== undefined && !refusals.has(error.code)) expect.fail(`${error.code}: ${shown}`);
      const isSkipped = refusalOf(() => skipAll(bytes)) === undefined;
      if (isSkipped !== isJson(bytes)) expect.fail(`skipped ${isSkipped}: ${shown}`);
      if (error === undefined && !isSkipped) expect.fail(`read but not skipped: ${shown}`);
    }
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  },
  timeout,
);

function skipAll(bytes: Buffer): void {
  const reader = new JsonReader(bytes, 1_000);
  reader.skipValue();
  reader.end();
}

/** By JSON.parse, which takes halves of surrogate pairs where we do not, and bytes beyond UTF-8. */
function isJson(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return isWellFormed(JSON.parse(text));
  } catch {
    return false;
  }
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, each]) => key.isWellFormed() && isWellFormed(each));
}

test(
  "settles endless digits, escapes, spaces and nesting without a stack",
  () => {
    const long = 2_000_000;
    const hostile = [
      `[${"9".repeat(long)}]`,
      `[0.${"0".repeat(long)}1]`,
      `[1e${"9".repeat(long)}]`,
      `[1${"0".repeat(long)}e-${long}]`,
      `[${" ".repeat(long)}1]`,
      `["${"\\n".repeat(long / 2)}"]`,
      "[".repeat(long),
      '{"a":'.repeat(long / 5),
    ];
    for (const body of hostile) {
      for (const dtype of ["FP32", "INT64", "BOOL"] as const) {
        const sink = new NumberSink({ dtype, field: "x", countMax: 4, capacity: 1 });
        const error = refusalOf(() => sink.readRow(new JsonReader(Buffer.from(body), 32), 1));
        expect(error?.message.length ?? 0, body.slice(0, 9)).toBeLessThan(200);
      }
      refusalOf(() => skipAll(Buffer.from(body)));
    }
  },
  timeout,
);
