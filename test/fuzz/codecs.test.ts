// Goal: the number reader and writer equal slow exact ones, and no body makes a reader fail badly.
// Method: random and hostile spellings from a printed seed against Number, BigInt and JSON.parse;
// then valid bodies with bytes changed, cut and spliced, which may only be taken or refused.
import { expect, test } from "vitest";
import { defaultLimits, type Random, ServingError, seededRandom } from "../../src/base/index.ts";
import {
  JsonReader,
  NumberSink,
  type NumericDtype,
  readOipRequest,
} from "../../src/tensor/index.ts";
import { readDouble } from "../../src/tensor/json/float.ts";
import { float32Text, writeFloat32 } from "../../src/tensor/json/float32-text.ts";
import { readExactWhole, readShortWhole } from "../../src/tensor/json/integer.ts";

const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_260_704);
const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
const numbers = isFull ? 20_000_000 : 200_000;
const bodies = isFull ? 3_000_000 : 15_000;
const timeout = isFull ? 1_800_000 : 30_000;
const replay = `MILLRACE_TEST_SEED=${seed} npx vitest run --project unit test/fuzz/codecs.test.ts`;

const whole = (random: Random, below: number) => Math.floor(random.next() * below);
const pick = <T>(random: Random, list: readonly T[]): T => list[whole(random, list.length)] as T;

function digits(random: Random, count: number): string {
  let text = "";
  for (let index = 0; index < count; index += 1) text += whole(random, 10);
  return text;
}

const doubles = new Float64Array(1);
const doubleBits = new BigUint64Array(doubles.buffer);

function anyDouble(random: Random): number {
  const high = BigInt(whole(random, 2 ** 32));
  doubleBits[0] = (high << 32n) | BigInt(whole(random, 2 ** 32));
  return Number.isFinite(doubles[0]) ? (doubles[0] as number) : 0;
}

/** The decimal expansion of the point halfway to the next larger double, all digits. */
function tieText(random: Random): string {
  const exponent = random.next() < 0.5 ? 50 + whole(random, 6) : whole(random, 80) - 60;
  const mantissa = 2n ** 53n + BigInt(whole(random, 2 ** 52)) * 2n + 1n;
  // (2^53 + odd) / 2 * 2^exponent is a tie of two 53-bit numbers.
  const power = exponent - 53;
  if (power >= 0) return String(mantissa << BigInt(power));
  const text = String(mantissa * 5n ** BigInt(-power)).padStart(-power + 1, "0");
  const point = text.length + power;
  return `${text.slice(0, point)}.${text.slice(point)}`;
}

/** A number as JSON allows it, of a kind that breaks readers. */
function numberText(random: Random): string {
  const sign = random.next() < 0.3 ? "-" : "";
  const exponent =
    random.next() < 0.3 ? `${pick(random, ["e", "E", "e-", "e+"])}${whole(random, 330)}` : "";
  switch (whole(random, 10)) {
    case 0:
      return `${sign}${whole(random, 2 ** 31)}${exponent}`;
    case 1:
      return `${sign}0.${digits(random, 1 + whole(random, 20))}${exponent}`;
    case 2:
      return `${sign}0.${"0".repeat(whole(random, 12))}${digits(random, 1 + whole(random, 20))}`;
    case 3:
      return `${sign}${1 + whole(random, 9)}${digits(random, whole(random, 25))}.${digits(random, 1 + whole(random, 25))}${exponent}`;
    case 4:
      return String(anyDouble(random));
    case 5:
      return String((random.next() - 0.5) * 10 ** whole(random, 12));
    case 6:
      return sign + String(Math.fround(random.next() * 100));
    case 7:
      return sign + tieText(random);
    case 8:
      return sign + tieText(random) + digits(random, 1 + whole(random, 3));
    default:
      return sign + (random.next() * 1_000).toPrecision(1 + whole(random, 21));
  }
}

/** A whole number, or the reason why not, by BigInt alone. */
function slowWhole(text: string): bigint | undefined {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [front = "", behind = ""] = mantissa.replace("-", "").split(".");
  const power = Number(exponent) - behind.length;
  const value = BigInt(front + behind);
  const sign = text.startsWith("-") ? -1n : 1n;
  if (power >= 0) return sign * value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return value % divisor === 0n ? (sign * value) / divisor : undefined;
}

function refusalOf(act: () => void): ServingError | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    if (ServingError.is(thrown)) return thrown;
    throw thrown;
  }
}

test(
  "reads every spelling of a number as Number(text) does",
  () => {
    const random = seededRandom(seed);
    for (let run = 0; run < numbers; run += 1) {
      const text = numberText(random);
      const cursor = { bytes: Buffer.from(text), at: 0 };
      const value = readDouble(cursor);
      if (Object.is(value, Number(text)) && cursor.at === text.length) continue;
      expect(value, `${text}; ${replay}`).toBe(Number(text));
    }
  },
  timeout,
);

test(
  "fills float32 and float64 rows as Number and Math.fround do, at full speed and with care",
  () => {
    const random = seededRandom(seed + 1);
    const perRow = 50;
    for (let run = 0; run < numbers; run += perRow) {
      const texts = Array.from({ length: perRow }, () => numberText(random));
      const space = pick(random, ["", " ", "\n\t "]);
      const dtype = pick(random, ["FP32", "FP64"] as const);
      const isFloat32 = dtype === "FP32";
      const wanted = texts.map((text) => (isFloat32 ? Math.fround(Number(text)) : Number(text)));
      const isRefused = !wanted.every(Number.isFinite);
      // Many spaces at the end take the road without the fast loop.
      const body = `[${texts.join(`${space},${space}`)}]${" ".repeat(pick(random, [0, 20]))}`;
      const sink = new NumberSink({ dtype, field: "x", countMax: perRow, capacity: perRow });
      const error = refusalOf(() => sink.readRow(new JsonReader(Buffer.from(body), 2), perRow));
      expect(error === undefined, `${body}; ${replay}`).toBe(!isRefused);
      if (isRefused) continue;
      const found = sink.take();
      if (wanted.every((value, index) => Object.is(found[index], value))) continue;
      expect(Array.from<unknown>(found), `${body}; ${replay}`).toEqual(wanted);
    }
  },
  timeout,
);

test(
  "reads whole numbers of every width exactly or refuses them",
  () => {
    const random = seededRandom(seed + 2);
    const ranges: [NumericDtype, bigint, bigint][] = [
      ["INT8", -(2n ** 7n), 2n ** 7n - 1n],
      ["UINT16", 0n, 2n ** 16n - 1n],
      ["INT32", -(2n ** 31n), 2n ** 31n - 1n],
      ["UINT32", 0n, 2n ** 32n - 1n],
      ["INT64", -(2n ** 63n), 2n ** 63n - 1n],
      ["UINT64", 0n, 2n ** 64n - 1n],
    ];
    for (let run = 0; run < numbers / 8; run += 1) {
      const [dtype, min, max] = pick(random, ranges);
      const near = pick(random, [min, max, 0n, 2n ** 53n, -(2n ** 53n), -(2n ** 32n), 10n ** 15n]);
      const plain = String(near + BigInt(whole(random, 7)) - 3n);
      const zeros = plain === "0" ? 0 : whole(random, 4);
      const spelled = pick(random, [
        plain,
        `${plain}.0`,
        `${plain}${"0".repeat(zeros)}e-${zeros}`,
        `${plain}e0`,
      ]);
      const text = random.next() < 0.2 ? numberText(random) : spelled;
      const exact = slowWhole(text);
      const sink = new NumberSink({ dtype, field: "x", countMax: 1, capacity: 1 });
      const error = refusalOf(() => sink.readRow(new JsonReader(Buffer.from(`[${text}]`), 2), 1));
      const isTaken = exact !== undefined && exact >= min && exact <= max;
      if (error !== undefined)
        expect(error.code, `${text} ${dtype}; ${replay}`).toBe("INVALID_INPUT");
      expect(error === undefined, `${text} as ${dtype}; ${replay}`).toBe(isTaken);
      if (isTaken && BigInt(sink.take()[0] ?? -1) !== exact) {
        expect.fail(`${text} as ${dtype} was read wrong; ${replay}`);
      }
    }
  },
  timeout,
);

test(
  "keeps the two roads to a whole number together",
  () => {
    const random = seededRandom(seed + 3);
    for (let run = 0; run < numbers / 8; run += 1) {
      const bytes = Buffer.from(numberText(random));
      const short = readShortWhole({ bytes, at: 0 });
      if (Number.isNaN(short)) continue;
      if (BigInt(short) === readExactWhole({ bytes, at: 0 })) continue;
      expect.fail(`${bytes} is ${short}; ${replay}`);
    }
  },
  timeout,
);

test(
  "prints every float32 so that it reads back bit-equal, with no digit too many",
  () => {
    const random = seededRandom(seed + 4);
    const single = new Float32Array(1);
    const bits = new Uint32Array(single.buffer);
    const target = Buffer.alloc(32);
    for (let run = 0; run < numbers; run += 1) {
      bits[0] = whole(random, 2 ** 32);
      if (run % 2 === 1) single[0] = (random.next() - 0.5) * 10 ** (whole(random, 24) - 14);
      const value = single[0] as number;
      if (!Number.isFinite(value)) continue;
      const text = float32Text(value);
      const bytes = target.toString("latin1", 0, writeFloat32(target, 0, value));
      const isSame =
        Object.is(Math.fround(Number(text)), value) && Object.is(JSON.parse(text), Number(text));
      if (!isSame || bytes !== text) expect.fail(`${value} became ${text} and ${bytes}; ${replay}`);
      if (text.length > shortestLength(value)) expect.fail(`${text} is too long; ${replay}`);
    }
  },
  timeout,
);

/** Length of the shortest text of 6 or more digits; whole numbers may keep all of theirs. */
function shortestLength(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return 10;
  for (let count = 6; count < 9; count += 1) {
    const text = String(Number(value.toPrecision(count)));
    if (Math.fround(Number(text)) === value) return text.length;
  }
  return String(Number(value.toPrecision(9))).length;
}

const valid = [
  '{"id":"a","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3e2,0.25]]}]}',
  '{"inputs":[{"data":["a","\\u00e9\\ud83d\\ude00"],"datatype":"BYTES","shape":[2],"name":"t"}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}',
  '{"parameters":{"timeout":5,"k":1.5},"inputs":[{"name":"i","shape":[3],"datatype":"INT64","data":[9223372036854775807,-1,0]}]}',
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"inputs":[{"name":"b","shape":[1],"datatype":"BOOL","parameters":{"__proto__":"x"},"data":[true]}]}',
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
    const random = seededRandom(seed + 5);
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
