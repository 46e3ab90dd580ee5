// Goal: the number readers and writers equal slow exact ones.
// Method: random and hostile spellings from a printed seed against Number, BigInt and toPrecision.
import { expect, test } from "vitest";
import { type Random, ServingError, seededRandom } from "../../src/base/index.ts";
import { JsonReader, NumberSink, type NumericDtype } from "../../src/tensor/index.ts";
import { readDouble } from "../../src/tensor/json/float.ts";
import { float32Text, writeFloat32 } from "../../src/tensor/json/float32-text.ts";
import { readExactWhole, readShortWhole } from "../../src/tensor/json/integer.ts";

const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_260_704);
const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
const numbers = isFull ? 20_000_000 : 200_000;
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

/** Up to 25 digits on each side of the point. */
function longText(random: Random): string {
  const front = digits(random, whole(random, 25));
  return `${1 + whole(random, 9)}${front}.${digits(random, 1 + whole(random, 25))}`;
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
      return `${sign}${longText(random)}${exponent}`;
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
