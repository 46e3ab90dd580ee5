// Goal: no body, however broken, deep, chopped or compressed, costs more than a 4xx. Method: seeded
// mutations of good bodies on every route with a body, and hand-made bodies of each bad kind, over
// raw sockets against the built server.
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/index.ts";
import { demoModels, type House, isFull, openHouse, replay, seed } from "./hostile-house.ts";
import { askRaw, chunked, postBytes, RawConnection, type RawReply } from "./raw-http.ts";

const mi = 1024 * 1024;
const mutants = isFull ? 10_000 : 500;
const chunkCount = isFull ? 1_000_000 : 20_000;

let house: House;
/** Parses every body in a thread. */
let apart: House;

beforeAll(async () => {
  house = await openHouse({ args: [demoModels] });
  apart = await openHouse({
    args: [demoModels, "--workers-share"],
    limits: { jsonInlineBytesMax: 0 },
    growthBytesMax: 128 * mi,
  });
});
afterAll(async () => {
  await house.close();
  await apart.close();
});

const tensors = JSON.stringify({
  id: "a",
  inputs: [{ name: "x", shape: [2, 4], datatype: "FP32", data: [1, 2.5, -3e-7, 4, 5, 6, 7, 8] }],
  outputs: [{ name: "y", parameters: { classification: 2, binary_data: false } }],
  // No time limit: a mutation may make it so short that 504 is the right answer.
  parameters: { priority: 1, sequence_id: 7 },
});
const binaryHeader = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", parameters: { binary_data_size: 16 } }],
});
const binary = Buffer.concat([Buffer.from(binaryHeader), Buffer.alloc(16)]);

interface Target {
  readonly path: string;
  readonly body: Buffer;
  readonly headers: readonly string[];
}

function target(path: string, body: unknown, headers: readonly string[] = []): Target {
  const text = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return { path, body: Buffer.from(text), headers };
}

const fields = { age: 35, tenure: 24, monthly_charges: 70.5, total_charges: 1_700 };
const rows = [
  [35, 24, 70.5, 1_700],
  [1, 2, 3, 4],
];
const call = { model_name: "churn", input_data: rows, batch_id: "b" };
const targets: readonly Target[] = [
  target("/v2/models/row/infer", tensors),
  target("/v2/models/row/infer", binary, [
    `inference-header-content-length: ${binaryHeader.length}`,
  ]),
  target("/predict?model=churn", fields),
  target("/predict?model=churn", { features: fields }),
  target("/predict?model=churn", { instances: rows }),
  target("/predict?model=sentiment", { text: 'fine \u00e9\ud83d\ude00 "quoted" \\ text' }),
  target("/predict", call),
  target("/batch_predict", [call, call, { ...call, model_name: "none" }]),
  target("/batch_predict?model=churn", { instances: [...rows, fields] }),
  target("/batch_predict?model=sentiment", { texts: ["good", "bad"] }),
  target("/predict/stream?model=churn", { instances: rows }),
  target("/v2/repository/index", { ready: true }),
];

function whole(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

const tokens = [
  ...["{", "}", "[", "]", ",", ":", '"', "\\", "\0", "\n", "\ufeff", "null", "true", "-", "e", "."],
  ...[
    "1e999",
    "-0",
    "NaN",
    "\\u0000",
    "\\ud800",
    "[[[[",
    "}}}}",
    '{"a":',
    "/*",
    "'",
    "0x",
    "9".repeat(40),
  ],
].map((each) => Buffer.from(each));

const mutations: readonly ((body: Buffer, random: Random) => Buffer)[] = [
  (body, random) => body.subarray(0, whole(random, body.length)),
  (body, random) => body.subarray(whole(random, body.length)),
  (body, random) => {
    const changed = Buffer.from(body);
    for (let count = 1 + whole(random, 6); count > 0; count -= 1) {
      changed[whole(random, body.length)] = whole(random, 256);
    }
    return changed;
  },
  (body, random) => {
    const at = whole(random, body.length);
    const token = tokens[whole(random, tokens.length)] ?? Buffer.alloc(0);
    return Buffer.concat([body.subarray(0, at), token, body.subarray(at)]);
  },
  (body, random) => {
    const at = whole(random, body.length);
    const to = at + whole(random, body.length - at);
    return Buffer.concat([body.subarray(0, at), body.subarray(to)]);
  },
  (body, random) => {
    const at = whole(random, body.length);
    const to = at + whole(random, body.length - at);
    return Buffer.concat([body.subarray(0, to), body.subarray(at)]);
  },
];

/** Sends mutants one after the other on a connection. */
async function sendMutants(server: House, count: number): Promise<Map<number, number>> {
  const connection = new RawConnection(server.port);
  const seen = new Map<number, number>();
  for (let index = 0; index < count; index += 1) {
    const random = seededRandom(seed + index);
    const { path, body, headers } = targets[index % targets.length] as Target;
    const mutate = mutations[whole(random, mutations.length)] ?? mutations[0];
    const broken = mutate?.(body, random) ?? body;
    await connection.send(postBytes(path, broken, { headers }));
    const reply = await connection.reply();
    const status = reply?.status ?? 0;
    const shown = `seed ${seed + index}, ${path}: ${broken.toString("latin1")} -> ${reply?.body}`;
    expect(status, shown).toBeGreaterThanOrEqual(200);
    expect(status, shown).toBeLessThan(500);
    expect(String(reply?.body), shown).not.toMatch(/onnxruntime|Node\.js|\bat .*:\d+:\d+/);
    seen.set(status, (seen.get(status) ?? 0) + 1);
  }
  connection.destroy();
  return seen;
}

test(`answers ${mutants} broken bodies with 2xx or 4xx, in order (${replay})`, async () => {
  const seen = await sendMutants(house, mutants);
  expect(seen.get(400) ?? 0).toBeGreaterThan(mutants / 4);
  await house.endsWell();
}, 300_000);

test(`answers the same bodies alike when each is parsed apart (${replay})`, async () => {
  const count = mutants / 2;
  const inline = await sendMutants(house, count);
  expect(await sendMutants(apart, count)).toEqual(inline);
  await apart.endsWell();
}, 300_000);

test("bodies parsed apart do not touch the request behind them on the connection", async () => {
  const connection = new RawConnection(apart.port);
  const targetsOfRow = targets.slice(0, 6);
  const bytes = targetsOfRow.map(({ path, body, headers }) => postBytes(path, body, { headers }));
  // No more than may wait for a thread.
  const rounds = 10;
  await connection.send(Buffer.concat(new Array<Buffer[]>(rounds).fill(bytes).flat()));
  for (let index = 0; index < rounds * bytes.length; index += 1) {
    const reply = await connection.reply();
    expect([index, reply?.status, reply?.status === 200 ? "" : String(reply?.body)]).toEqual([
      index,
      200,
      "",
    ]);
  }
  connection.destroy();
  await apart.endsWell();
});

function codeOf(reply: RawReply | undefined): string {
  const code = reply?.headers.get("x-error-code") ?? "";
  return reply === undefined ? "no reply" : `${reply.status} ${code}`.trim();
}

async function ask(path: string, body: Buffer | string, headers: string[] = []): Promise<string> {
  return codeOf(await askRaw(house.port, postBytes(path, body, { headers })));
}

const jsonPaths = [
  "/v2/models/row/infer",
  "/predict?model=churn",
  "/predict/stream?model=churn",
  "/batch_predict?model=churn",
  "/v2/repository/index",
];

test("refuses nesting of 33 and of 250,000 levels, closed or not, wherever it stands", async () => {
  for (const path of jsonPaths) {
    for (const depth of [33, 250_000]) {
      const nests = [
        "[".repeat(depth),
        "[".repeat(depth) + "]".repeat(depth),
        `{"zz":${"[".repeat(depth)}${"]".repeat(depth)}}`,
        `{"zz":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`,
        `{"inputs":[{"data":${"[".repeat(depth)}1${"]".repeat(depth)}}]}`,
        `{"features":${"[".repeat(depth)}1${"]".repeat(depth)}}`,
        `{"instances":${"[".repeat(depth)}1${"]".repeat(depth)}}`,
      ];
      for (const body of nests) {
        const got = await ask(path, body);
        expect([path, body.slice(0, 20), got.slice(0, 3)]).toEqual([
          path,
          body.slice(0, 20),
          "400",
        ]);
      }
    }
  }
});

test("an unknown key may nest as deep as the limit and no deeper", async () => {
  const nested = (levels: number): string =>
    tensors.replace("{", `{"zz":${"[".repeat(levels)}${"]".repeat(levels)},`);
  expect(await ask("/v2/models/row/infer", nested(31))).toMatch(/^200/);
  expect(await ask("/v2/models/row/infer", nested(32))).toBe("400 LIMIT_EXCEEDED");
});

test(`reads a body in ${chunkCount} chunks of one byte`, async () => {
  const good = tensors.padEnd(chunkCount, " ");
  const head =
    "POST /v2/models/row/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
    "transfer-encoding: chunked\r\n\r\n";
  const connection = new RawConnection(house.port);
  await connection.send(head);
  const step = 10_000;
  for (let at = 0; at < chunkCount; at += step) {
    const slice = [...good.slice(at, at + step)].map((each) => `1\r\n${each}\r\n`).join("");
    await connection.send(slice);
  }
  await connection.send("0\r\n\r\n");
  expect((await connection.reply())?.status).toBe(200);
  connection.destroy();
  await house.endsWell();
}, 120_000);

// --- encodings --------------------------------------------------------------------------------

const gzipHeader = ["content-encoding: gzip"];

test("reads gzip and deflate, also when they come in tiny chunks", async () => {
  const zipped = gzipSync(tensors);
  expect(await ask("/v2/models/row/infer", zipped, gzipHeader)).toBe("200");
  expect(await ask("/v2/models/row/infer", zipped, ["content-encoding: GZip"])).toBe("200");
  const deflated = deflateSync(tensors);
  expect(await ask("/v2/models/row/infer", deflated, ["content-encoding: deflate"])).toBe("200");
  const head =
    "POST /v2/models/row/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
    "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";
  const chunks = [...zipped].map((byte) => Buffer.from([byte]));
  const reply = await askRaw(house.port, Buffer.concat([Buffer.from(head), chunked(chunks)]));
  expect(reply?.status).toBe(200);
});

test.each<[what: string, body: Buffer, encoding: string, expected: string]>([
  ["plain JSON said to be gzip", Buffer.from(tensors), "gzip", "400 INVALID_REQUEST"],
  ["gzip cut short", gzipSync(tensors).subarray(0, 40), "gzip", "400 INVALID_REQUEST"],
  ["gzip without its checksum", gzipSync(tensors).subarray(0, -8), "gzip", "400 INVALID_REQUEST"],
  ["an empty gzip body", Buffer.alloc(0), "gzip", "400 INVALID_REQUEST"],
  ["only a gzip header", gzipSync(tensors).subarray(0, 10), "gzip", "400 INVALID_REQUEST"],
  ["gzip with a wrong checksum", flipped(gzipSync(tensors), -6), "gzip", "400 INVALID_REQUEST"],
  ["gzip with a wrong size", flipped(gzipSync(tensors), -1), "gzip", "400 INVALID_REQUEST"],
  ["gzip with a changed middle", flipped(gzipSync(tensors), 60), "gzip", "400 INVALID_REQUEST"],
  ["deflate said to be gzip", deflateSync(tensors), "gzip", "400 INVALID_REQUEST"],
  ["gzip said to be deflate", gzipSync(tensors), "deflate", "400 INVALID_REQUEST"],
  ["raw deflate", deflateRawSync(tensors), "deflate", "400 INVALID_REQUEST"],
  ["gzip twice, said once", gzipSync(gzipSync(tensors)), "gzip", "400 INVALID_REQUEST"],
  ["two encodings", gzipSync(gzipSync(tensors)), "gzip, gzip", "415 UNSUPPORTED_MEDIA_TYPE"],
  ["brotli", Buffer.from(tensors), "br", "415 UNSUPPORTED_MEDIA_TYPE"],
  ["zstd", Buffer.from(tensors), "zstd", "415 UNSUPPORTED_MEDIA_TYPE"],
  ["compress", Buffer.from(tensors), "compress", "415 UNSUPPORTED_MEDIA_TYPE"],
  ["an unknown encoding", Buffer.from(tensors), "../gzip", "415 UNSUPPORTED_MEDIA_TYPE"],
  ["an encoding of __proto__", Buffer.from(tensors), "__proto__", "415 UNSUPPORTED_MEDIA_TYPE"],
  [
    "an encoding of 8,000 letters",
    Buffer.from(tensors),
    "g".repeat(8_000),
    "415 UNSUPPORTED_MEDIA_TYPE",
  ],
])("refuses %s", async (_, body, encoding, expected) => {
  for (const path of ["/v2/models/row/infer", "/predict?model=churn"]) {
    expect(await ask(path, body, [`content-encoding: ${encoding}`])).toBe(expected);
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  const place = at < 0 ? changed.length + at : at;
  changed[place] = (changed[place] ?? 0) ^ 0x55;
  return changed;
}

test("stops bombs by ratio and by size, and gives the memory back", async () => {
  const bombs = [
    gzipSync(Buffer.alloc(4 * mi, 0x20)),
    gzipSync(Buffer.alloc(512 * mi, 0x20)),
    deflateSync(Buffer.alloc(64 * mi, 0x30)),
    gzipSync(`{"features":[${"0,".repeat(8 * mi)}0]}`),
  ];
  for (let round = 0; round < 4; round += 1) {
    const asked = bombs.flatMap((body, index) =>
      ["/predict?model=churn", "/v2/models/row/infer", "/batch_predict"].map((path) =>
        ask(path, body, [`content-encoding: ${index === 2 ? "deflate" : "gzip"}`]),
      ),
    );
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["413 PAYLOAD_TOO_LARGE"]));
  }
  const type = ["content-encoding: gzip", "inference-header-content-length: 10"];
  const big = gzipSync(Buffer.alloc(100 * mi));
  expect(await ask("/v2/models/row/infer", big, type)).toBe("413 PAYLOAD_TOO_LARGE");
  await house.endsWell();
}, 120_000);

test("a small body that is dense passes", async () => {
  const dense = tensors.padEnd(60_000, " ");
  expect(await ask("/v2/models/row/infer", gzipSync(dense), gzipHeader)).toBe("200");
});

// --- content types ----------------------------------------------------------------------------

test.each([
  ["text/plain"],
  ["text/html"],
  ["multipart/form-data; boundary=x"],
  ["application/xml"],
  ["application/jsonx"],
  ["application/json5"],
  ["application/octet-stream"],
  ["*/*"],
  ["application/"],
  ["json"],
  [";"],
  ["a".repeat(8_000)],
])("refuses the content type %s", async (type) => {
  for (const path of [
    "/predict?model=churn",
    "/batch_predict?model=churn",
    "/v2/models/row/infer",
  ]) {
    const reply = await askRaw(house.port, postBytes(path, tensors, { type }));
    expect([path, reply?.status]).toEqual([path, reply?.status === 400 ? 400 : 415]);
  }
});

test("a byte order mark, other encodings of text and trailing bytes are refused", async () => {
  const bodies = [
    Buffer.from(`\ufeff${tensors}`),
    Buffer.from(tensors, "utf16le"),
    Buffer.concat([Buffer.from(tensors), Buffer.from("\0")]),
    Buffer.from(`${tensors}x`),
    Buffer.from(`${tensors}${tensors}`),
    Buffer.alloc(100),
    Buffer.alloc(1_000, 0xff),
    Buffer.from(" ".repeat(100_000)),
  ];
  for (const body of bodies) {
    expect(await ask("/v2/models/row/infer", body)).toMatch(/^400/);
    expect(await ask("/predict?model=churn", body)).toMatch(/^400/);
  }
});

test("ends well", () => house.endsWell());
