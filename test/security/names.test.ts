// Goal: no name or version of a caller reaches anything but the list of models, in whatever place
// and encoding it comes. Method: hostile texts in every place of every route of the built server,
// all of which must refuse them alike; hostile names in manifests, folders and on the command line.
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identity } from "../../tools/onnx/models.ts";
import { builtMain, post } from "../support/built-server.ts";
import { type House, makeRepository, openHouse } from "./hostile-house.ts";
import { postBytes, RawConnection, type RawReply } from "./raw-http.ts";

const run = promisify(execFile);

/** Texts that name no model, whatever is done to them on the way. */
const hostile: readonly string[] = [
  ...[
    "..",
    ".",
    "...",
    "../row",
    "../../row",
    "../../../../../../etc/passwd",
    "row/..",
    "row/../row",
  ],
  ...["/", "//", "/row", "/etc/passwd", "/proc/self/environ", "row/", "row/1", "row/1/model.onnx"],
  ...[
    "..\\row",
    "row\\..",
    "\\",
    "\\\\host\\share",
    "C:\\row",
    "C:row",
    "..\\..\\windows\\win.ini",
  ],
  ...["\0", "row\0", "\0row", "row\0.onnx", "ro\0w", "../row\0"],
  ...[" ", "  ", "row ", " row", "row  ", "row.", "row..", "row. ", "row .", "\trow", "row\t"],
  ...["row\n", "row\r\n", "\nrow", "row\r\nx-evil: 1", "row\v", "row\f", "row\u0085", "row\u00a0"],
  ...["．．／row", "ｒｏｗ", "row．", "‥/row", "․․/row", "∕etc∕passwd", "row／1", "row＼1"],
  ...[
    "row\u200b",
    "row\u202e",
    "\ufeffrow",
    "row\u0301",
    "r\u043ew",
    "ROW",
    "Row",
    "rоw",
    "ro\u00ads",
  ],
  ...[
    "CON",
    "NUL",
    "aux",
    "COM1",
    "LPT1.onnx",
    "con.txt",
    "PRN",
    "CLOCK$",
    "row:stream",
    "row::$DATA",
  ],
  ...["a".repeat(128), "a".repeat(129), "a".repeat(256), "a".repeat(1000), ".".repeat(300)],
  ...["-row", "_row", ".row", "~root", "~", "$HOME", "$[row]", "$(id)", "`id`", "row;id", "row|id"],
  ...[
    "row&x=1",
    "row?x",
    "row#x",
    "row%",
    "row%00",
    "row*",
    "*",
    "?",
    "[a-z]*",
    "row'",
    'row"',
    "row<b>",
  ],
  ...["file:///etc/passwd", "http://127.0.0.1/", "//evil.example/row", "data:,x", "row@1", "row=1"],
  ...["%2e%2e%2f", "%252e%252e%252f", "%25252e", "%c0%ae%c0%ae/", "..%2frow", "%00", "%5c", "%ff"],
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "__defineGetter__",
  ],
  ...[
    "null",
    "undefined",
    "NaN",
    "true",
    "0",
    "-1",
    "1e5",
    "[object Object]",
    "{}",
    "[]",
    "\u{1f600}",
  ],
];

/** Path segments that are not the encoding of any text, or not of the text they look like. */
const segments: readonly string[] = [
  ...["%", "%2", "%zz", "%u002e", "row%", "row%0", "%%", "%25%", "%c0%ae", "%c0%ae%c0%ae%c0%af"],
  ...["%e0%80%ae%e0%80%ae", "%f0%80%80%ae", "%c1%9c", "%c0%80", "%ff%fe", "%80", "%bf", "row%80"],
  ...["%ed%a0%80", "%ed%b0%80", "%f4%90%80%80", "%f8%88%80%80%80", "%c2", "%e2%82", "row%e2%28%a1"],
  ...["..;", "..;/row", "%2e%2e;x=1", ";row", "row;v=1", "%2e", "%2E%2E", "%2e.", ".%2e", "..%00"],
  ...[
    "%2frow",
    "%2Frow%2f",
    "row%2f..%2frow",
    "%5c..%5crow",
    "row%20",
    "%20row",
    "row%2e",
    "row+",
    "+",
  ],
  ...["%72ow/%2e%2e", "row%0d%0aset-cookie:%20a=1", "row%09", "%EF%BC%8E%EF%BC%8E", "%e3%80%82"],
];

let house: House;
let connection: RawConnection;
let cases = 0;

beforeAll(async () => {
  // A second model, so that a name that is dropped on the way cannot pass as "the only model".
  house = await openHouse({
    files: { "other/1/model.onnx": identity("FP32", ["batch", 4]) },
    limits: { urlBytesMax: 64 * 1024, headerBytesMax: 256 * 1024 },
  });
});
afterAll(() => house.close());

async function ask(bytes: Buffer | string): Promise<RawReply> {
  if (connection === undefined || connection.isClosed) connection = new RawConnection(house.port);
  await connection.send(bytes);
  const reply = await connection.reply();
  if (reply === undefined) throw new Error("no reply");
  if (reply.headers.get("connection") === "close") connection = new RawConnection(house.port);
  return reply;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const tensors = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] }],
});
const row = { input_data: [[1, 2, 3, 4]] };

/** Every request whose path holds the name of a model. */
function modelPaths(segment: string): (Buffer | string)[] {
  return [
    get(`/v2/models/${segment}/ready`),
    get(`/v2/models/${segment}/config`),
    get(`/v2/models/${segment}/stats`),
    get(`/v2/models/${segment}/versions/1`),
    get(`/models/${segment}`),
    get(`/models/${segment}/metrics`),
    postBytes(`/v2/models/${segment}/infer`, tensors),
    postBytes(`/v2/models/${segment}/versions/1/infer`, tensors),
  ];
}

/** Every request whose path holds a version. */
function versionPaths(segment: string): (Buffer | string)[] {
  return [
    get(`/v2/models/row/versions/${segment}/ready`),
    get(`/v2/models/row/versions/${segment}/config`),
    postBytes(`/v2/models/row/versions/${segment}/infer`, tensors),
  ];
}

/** The other places of a name; `undefined` in a list where HTTP cannot carry the text. */
function modelElsewhere(name: string): (Buffer | string)[] {
  const query = encodeURIComponent(name);
  const body = JSON.stringify({ ...row, model_name: name });
  return [
    postBytes(`/predict?model=${query}`, JSON.stringify(row)),
    postBytes("/predict", body),
    postBytes("/predict/stream", JSON.stringify({ instances: [[1, 2, 3, 4]], model_name: name })),
    postBytes("/batch_predict", JSON.stringify({ instances: [[1, 2, 3, 4]], model_name: name })),
    ...inHeader("x-model", name),
  ];
}

function versionElsewhere(version: string): (Buffer | string)[] {
  const query = encodeURIComponent(version);
  const body = JSON.stringify({ ...row, model_name: "row", model_version: version });
  return [
    postBytes(`/predict?model=row&model_version=${query}`, JSON.stringify(row)),
    postBytes("/predict", body),
    get(`/models/row?version=${query}`),
    get(`/models/row/metrics?version=${query}`),
    ...inHeader("x-model-version", version, ["x-model: row"]),
  ];
}

function inHeader(header: string, text: string, more: readonly string[] = []): Buffer[] {
  const isCarried = text.trim() === text && /^[\x20-\x7e\xa0-\xff]+$/.test(text);
  if (!isCarried) return [];
  return [postBytes("/predict", JSON.stringify(row), { headers: [`${header}: ${text}`, ...more] })];
}

/** What a refusal looks like, whoever refuses. */
function expectRefusal(reply: RawReply, what: string): string {
  cases += 1;
  const body = JSON.parse(reply.body.toString()) as Record<string, unknown>;
  expect([400, 404], `${what}: ${reply.body}`).toContain(reply.status);
  expect(reply.headers.get("x-error-code"), what).toBe(body["code"]);
  expect(reply.headers.get("x-evil"), what).toBeUndefined();
  expect(reply.headers.get("set-cookie"), what).toBeUndefined();
  expect(String(body["error"]), what).not.toContain(house.folder);
  return String(body["code"]);
}

async function codesOf(requests: readonly (Buffer | string)[], what: string): Promise<Set<string>> {
  const codes = new Set<string>();
  for (const bytes of requests) codes.add(expectRefusal(await ask(bytes), what));
  return codes;
}

test("refuses hostile model names in every place, alike on all routes", async () => {
  for (const name of hostile) {
    const segment = encodeURIComponent(name);
    const requests = [...modelPaths(segment), ...modelElsewhere(name)];
    const codes = await codesOf(requests, JSON.stringify(name));
    expect([...codes], JSON.stringify(name)).toEqual(["MODEL_NOT_FOUND"]);
  }
  await house.endsWell();
});

test("refuses hostile versions in every place, alike on all routes", async () => {
  for (const version of hostile) {
    const requests = [...versionPaths(encodeURIComponent(version)), ...versionElsewhere(version)];
    const codes = await codesOf(requests, JSON.stringify(version));
    expect([...codes], JSON.stringify(version)).toEqual(["VERSION_NOT_FOUND"]);
  }
});

test("decodes a path once: what is encoded twice or thrice is another name", async () => {
  for (const name of [...hostile, "row"]) {
    const twice = encodeURIComponent(encodeURIComponent(name));
    const thrice = encodeURIComponent(twice);
    const isPlain = twice === encodeURIComponent(name);
    for (const segment of isPlain ? [] : [twice, thrice]) {
      await codesOf([...modelPaths(segment), ...versionPaths(segment)], segment);
    }
  }
  const everyLetter = [..."row"].map((each) => `%${each.charCodeAt(0).toString(16)}`).join("");
  expect((await ask(get(`/models/${everyLetter}`))).status).toBe(200);
  const again = everyLetter.replaceAll("%", "%25");
  expect((await ask(get(`/models/${again}`))).status).toBe(404);
});

test("refuses path segments that encode nothing, overlong UTF-8 and raw bytes", async () => {
  for (const segment of segments) {
    await codesOf([...modelPaths(segment), ...versionPaths(segment)], segment);
  }
  await house.endsWell();
});

test("answers a name in the calls of a batch alike, call by call", async () => {
  const calls = hostile.map((name) => ({ ...row, model_name: name }));
  const { status, body } = await post(`${house.url}/batch_predict`, calls);
  expect(status).toBe(200);
  const codes = (body as { code?: string }[]).map((each) => each.code);
  expect(new Set(codes)).toEqual(new Set(["MODEL_NOT_FOUND"]));
  cases += codes.length;
});

test("a name of another kind than text is refused, not turned into one", async () => {
  const values: unknown[] = [null, 1, true, {}, [], ["row"], { toString: "row" }];
  for (const value of values) {
    for (const key of ["model_name", "model_version"]) {
      const body = JSON.stringify({ ...row, model_name: "row", [key]: value });
      const { status } = await post(`${house.url}/predict`, body);
      // null is the same as no name: the version falls back, the model is one of two.
      const isAbsent = body.includes(":null") && key === "model_version";
      expect([key, body, status]).toEqual([key, body, isAbsent ? 200 : 400]);
    }
  }
});

const hasTracer = spawnSync("strace", ["-V"]).status === 0;

test.skipIf(!hasTracer)("opens no file for a name (skipped: strace is missing)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-trace-"));
  const file = join(folder, "trace");
  const words = ["-f", "-qq", "-e", "trace=%file", "-o", file, "-p", String(house.pid)];
  const tracer = spawn("strace", words, { stdio: "ignore" });
  await new Promise((done) => setTimeout(done, 500));
  if (tracer.exitCode !== null) return; // Tracing another process is not allowed here.
  for (const name of hostile) {
    const segment = encodeURIComponent(name);
    for (const bytes of [...modelPaths(segment), ...versionPaths(segment)]) await ask(bytes);
  }
  for (const segment of segments) for (const bytes of modelPaths(segment)) await ask(bytes);
  tracer.kill("SIGINT");
  await new Promise((done) => tracer.once("exit", done));
  // The watch over the workers' memory reads /proc; nothing else has a path.
  const isOwn = /"\/proc\/(?:\d+\/status|self\/\w+|stat)"|, "", /;
  const opened = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes('"') && !isOwn.test(line));
  rmSync(folder, { recursive: true });
  expect(opened).toEqual([]);
});

/** `millrace inspect --json`, whether or not something was refused. */
async function inspect(path: string): Promise<{ models: Named[]; refused: Refused[] }> {
  const { stdout } = await run(process.execPath, [builtMain, "inspect", path, "--json"]).catch(
    (thrown: { code: number; stdout: string; stderr: string }) => {
      expect(thrown.code, thrown.stderr).toBe(1);
      return thrown;
    },
  );
  return JSON.parse(stdout);
}

interface Named {
  readonly name: string;
  readonly version: string;
}
interface Refused {
  readonly name: string;
  readonly version?: string;
  readonly reason: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

test("refuses hostile names and versions of manifests, each with one line", async () => {
  const model = identity("FP32", ["batch", 4]);
  const bad = hostile.filter((name) => !namePattern.test(name));
  const files: Record<string, Uint8Array | string> = {};
  bad.forEach((name, index) => {
    const text = JSON.stringify(name);
    files[`name-${index}/1.0.0/model.onnx`] = model;
    files[`name-${index}/1.0.0/model.yaml`] = `name: ${text}\n`;
    files[`version-${index}/1.0.0/model.onnx`] = model;
    files[`version-${index}/1.0.0/model.yaml`] = `version: ${text}\n`;
    files[`artifact-${index}/1.0.0/model.onnx`] = model;
    files[`artifact-${index}/1.0.0/model.yaml`] = `artifact: ${text}\n`;
  });
  const folder = makeRepository(files);
  const { models, refused } = await inspect(folder);
  expect(models.map((each) => each.name)).toEqual(["row"]);
  expect(refused.length).toBe(bad.length * 3);
  for (const { name, reason } of refused) {
    expect(reason, name).not.toContain(folder);
    expect(reason, name).not.toMatch(/[\n\r\0]/);
    expect(reason.length, name).toBeLessThan(500);
  }
  cases += refused.length;
  rmSync(folder, { recursive: true });
}, 60_000);

test("turns hostile folder names into names of the narrow alphabet, or refuses them", async () => {
  const model = identity("FP32", ["batch", 4]);
  const usable = hostile.filter(
    (name) => !/[/\0]/.test(name) && !/^(?:\.*|0)$/.test(name) && Buffer.byteLength(name) < 255,
  );
  const files: Record<string, Uint8Array> = {};
  for (const name of usable) files[`${name}/1/model.onnx`] = model;
  const folder = makeRepository(files);
  const { models, refused } = await inspect(folder);
  for (const each of [...models, ...refused]) expect(each.name).toMatch(namePattern);
  expect(new Set(models.map((each) => each.name)).size).toBe(models.length);
  for (const { reason } of refused) expect(reason).not.toContain(folder);
  cases += usable.length;
  rmSync(folder, { recursive: true });
}, 60_000);

test("refuses a hostile --name before anything is loaded", async () => {
  const bad = ["../row", "row/1", "row ", ".row", "a".repeat(129), "ｒｏｗ"];
  await Promise.all(
    bad.map(async (name) => {
      const words = [
        builtMain,
        "serve",
        join(house.folder, "row/1"),
        "--port",
        "0",
        "--name",
        name,
      ];
      const ended = await run(process.execPath, words).catch((thrown: { code: number }) => thrown);
      expect([name, (ended as { code?: number }).code]).toEqual([name, expect.any(Number)]);
      expect(JSON.stringify(ended)).toMatch(/--name|models\.name/);
    }),
  );
  cases += bad.length;
});

test("counts at least 300 cases and ends well", async () => {
  expect(cases).toBeGreaterThan(300);
  await house.endsWell();
});
