/**
 * `node bench/micro/codecs.ts`: the JSON codecs beside JSON.parse and JSON.stringify, in one run.
 *
 * Each side is the whole way from the bytes of a body to a checked Float32Array, or from one to the
 * text of a reply. Times are CPU times of this process, which other processes disturb least. Rounds
 * of the sides alternate; a figure is the best round, a ratio the median of the rounds' ratios with
 * its range. Numbers come from a fixed seed. Tried and slower: four digits at a time (0.8 x).
 */
import { defaultLimits, seededRandom } from "../../src/base/index.ts";
import {
  elementsJsonText,
  JsonReader,
  makeTensor,
  NumberSink,
  readOipRequest,
} from "../../src/tensor/index.ts";

const rounds = 15;
const roundMs = 40;
const random = seededRandom(1);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
/** What the sides make, so that none of it is optimised away. */
let made = 0;

type Side = () => number;

function usOf(side: Side, repeats: number): number {
  const start = process.cpuUsage();
  for (let run = 0; run < repeats; run += 1) made += side();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / repeats;
}

function repeatsFor(side: Side): number {
  for (let repeats = 1; ; repeats *= 2) {
    const ms = (usOf(side, repeats) * repeats) / 1000;
    if (ms > roundMs) return repeats;
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** Prints one line: both times, bytes a second of ours, and how many times faster it is. */
function compare(name: string, bytes: number, sides: { own: Side; builtIn: Side }): void {
  const ownRepeats = repeatsFor(sides.own);
  const builtInRepeats = repeatsFor(sides.builtIn);
  const own: number[] = [];
  const builtIn: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    own.push(usOf(sides.own, ownRepeats));
    builtIn.push(usOf(sides.builtIn, builtInRepeats));
  }
  const ratios = own.map((each, round) => (builtIn[round] as number) / each);
  const best = Math.min(...own);
  const times = `${best.toFixed(2)} us, built in ${Math.min(...builtIn).toFixed(2)} us`;
  const range = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
  const rate = `${(bytes / best).toFixed(0)} MB/s`;
  say(`${name.padEnd(34)} ${times}, ${rate}, ${median([...ratios]).toFixed(2)} x (${range})`);
}

function readRows(body: Buffer, width: number): number {
  const reader = new JsonReader(body, 32);
  let count = 0;
  reader.enterObject();
  while (reader.nextMember()) {
    const sink = new NumberSink({ dtype: "FP32", field: "x", countMax: 1e7, capacity: width });
    reader.enterArray();
    while (reader.nextElement()) sink.readRow(reader, width);
    count += sink.take().length;
  }
  reader.end();
  return count;
}

function readWhole(body: Buffer): number {
  const reader = new JsonReader(body, 32);
  const sink = new NumberSink({ dtype: "INT64", field: "x", countMax: 1e7, capacity: 64 });
  reader.enterObject();
  while (reader.nextMember()) {
    reader.enterArray();
    while (reader.nextElement()) {
      reader.enterArray();
      if (reader.nextElement()) sink.readRun(reader);
    }
  }
  return sink.take().length;
}

function parseRows(body: Buffer, width: number): number {
  const { instances } = JSON.parse(body.toString("utf8")) as { instances: unknown[][] };
  const elements = new Float32Array(instances.length * width);
  let at = 0;
  for (const row of instances) {
    if (!Array.isArray(row) || row.length !== width) throw new Error("row");
    for (const value of row) {
      if (typeof value !== "number" || !Number.isFinite(value)) throw new Error("number");
      elements[at] = value;
      at += 1;
    }
  }
  return elements.length;
}

function readFeatures(body: Buffer): number {
  const reader = new JsonReader(body, 32);
  let first = 0;
  reader.enterObject();
  while (reader.nextMember()) {
    if (!reader.isKey("features")) continue;
    const sink = new NumberSink({ dtype: "FP32", field: "features", countMax: 1e7, capacity: 4 });
    sink.readRow(reader, 4);
    first = Number(sink.take()[0]);
  }
  reader.end();
  return first;
}

function parseFeatures(body: Buffer): number {
  const { features } = JSON.parse(body.toString("utf8")) as { features: number[] };
  return Float32Array.from(features)[0] as number;
}

const small = Buffer.from('{"features":[35.0,24,70.5,1680]}');
compare("read 4 features", small.length, {
  own: () => readFeatures(small),
  builtIn: () => parseFeatures(small),
});

const spellings: [string, () => string][] = [
  ["up to 6 digits", () => String(Number((random.next() * 10).toPrecision(6)))],
  ["float32 digits", () => String(Number(Math.fround(random.next() * 8 - 4).toPrecision(8)))],
  ["16-17 digits", () => String(random.next())],
];
for (const [name, spell] of spellings) {
  const row = () => `[${Array.from({ length: 20 }, spell).join(", ")}]`;
  const body = Buffer.from(`{"instances":[${Array.from({ length: 1_000 }, row).join(", ")}]}`);
  compare(`read 1,000 x 20, ${name}`, body.length, {
    own: () => readRows(body, 20),
    builtIn: () => parseRows(body, 20),
  });
}

const flat = Array.from({ length: 20_000 }, () => random.next());
const oip = Buffer.from(
  `{"inputs":[{"name":"x","shape":[1000,20],"datatype":"FP32","data":[${flat.join(",")}]}]}`,
);
compare("read an OIP request of 20,000", oip.length, {
  own: () => readOipRequest(oip, defaultLimits).inputs.length,
  builtIn: () => Float32Array.from(JSON.parse(oip.toString("utf8")).inputs[0].data).length,
});

const labels = Array.from({ length: 20_000 }, () => Math.floor(random.next() * 1_000));
const whole = Buffer.from(`{"instances":[[${labels.join(",")}]]}`);
compare("read 20,000 int64", whole.length, {
  own: () => readWhole(whole),
  builtIn: () => {
    const { instances } = JSON.parse(whole.toString("utf8")) as { instances: number[][] };
    return BigInt64Array.from(instances[0] ?? [], BigInt).length;
  },
});

for (const count of [2, 10, 2_000]) {
  const elements = Float32Array.from({ length: count }, () => random.next());
  const tensor = makeTensor("FP32", [count], elements);
  const range = { from: 0, to: count, name: "y" };
  compare(`write ${count} float32`, elementsJsonText(tensor, range).length, {
    own: () => elementsJsonText(tensor, range).length,
    builtIn: () => JSON.stringify(Array.from(elements)).length,
  });
}
if (made === 0) throw new Error("nothing was measured");
