// Goal: a hostile model file is refused with one line that tells the operator what to do and tells
// a caller no path, and its neighbours serve; what passes the checks and then misbehaves costs its
// own process. Method: a repository of hand-made hostile models beside good ones, loaded by the
// built server.
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tensorValue, writeModel } from "../../tools/onnx/builder.ts";
import { deadly, loop } from "../../tools/onnx/loads.ts";
import type { NodeSource, TensorSource } from "../../tools/onnx/model-source.ts";
import { identity } from "../../tools/onnx/models.ts";
import { get, post } from "../support/built-server.ts";
import { type House, openHouse } from "./hostile-house.ts";

type Pairs = readonly (readonly [key: string, value: string])[];

/** `y = x + w`, where w (FP32 [4], 16 bytes) lies where `external` says; more tensors beside it. */
function withExternal(external: Pairs, more: readonly TensorSource[] = []): Uint8Array {
  const weights: TensorSource = { name: "w", type: "FP32", shape: [4], external };
  return writeModel({
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", ["batch", 4])],
    outputs: [tensorValue("y", "FP32", ["batch", 4])],
    initializers: [weights, ...more],
  });
}

function at(location: string, offset?: string, length?: string): Uint8Array {
  const pairs: [string, string][] = [["location", location]];
  if (offset !== undefined) pairs.push(["offset", offset]);
  if (length !== undefined) pairs.push(["length", length]);
  return withExternal(pairs);
}

function second(offset: string): TensorSource {
  const external = [
    ["location", "w.bin"],
    ["offset", offset],
    ["length", "16"],
  ] as const;
  return { name: "w2", type: "FP32", shape: [4], external };
}

const bin = new Uint8Array(16);
const huge = "1000000000000000";

/** Each is a model whose weights lie in the file `w.bin` beside it, 16 bytes, unless said. */
const externals: Readonly<Record<string, Uint8Array>> = {
  "parent-folder": at("../w.bin"),
  "parents-within": at("a/../../w.bin"),
  "parents-many": at("../../../../../../../../etc/passwd"),
  "absolute-path": at("/etc/passwd"),
  "absolute-proc": at("/proc/self/environ"),
  "double-slash": at("//etc/passwd"),
  "empty-location": at(""),
  "only-a-dot": at("."),
  "only-a-slash": at("/"),
  "trailing-slash": at("w.bin/"),
  backslash: at("..\\w.bin"),
  "nul-in-location": at("w.bin\0.txt"),
  "long-location": at("a".repeat(5_000)),
  "url-location": at("file:///etc/passwd"),
  "http-location": at("http://127.0.0.1:1/w.bin"),
  "memory-mark": at("*/_ORT_MEM_ADDR_/*", "0", "16"),
  "memory-mark-plain": at("_ORT_MEM_ADDR_", "0", "16"),
  "missing-file": at("nothing.bin"),
  "model-itself": at("model.onnx", "0", "16"),
  "a-folder": at("."),
  "offset-negative": at("w.bin", "-1", "16"),
  "offset-huge": at("w.bin", huge, "16"),
  "offset-beyond": at("w.bin", "17", "16"),
  "offset-by-one": at("w.bin", "1", "16"),
  "offset-overflow": at("w.bin", "18446744073709551615", "16"),
  "offset-int64-min": at("w.bin", "-9223372036854775808", "16"),
  "offset-float": at("w.bin", "1e1", "16"),
  "offset-hex": at("w.bin", "0x0", "16"),
  "offset-text": at("w.bin", "none", "16"),
  "offset-blank": at("w.bin", " 0", "16"),
  "offset-empty": at("w.bin", "", "16"),
  "length-negative": at("w.bin", "0", "-16"),
  "length-huge": at("w.bin", "0", huge),
  "length-short": at("w.bin", "0", "8"),
  "length-long": at("w.bin", "0", "17"),
  "length-zero": at("w.bin", "0", "0"),
  "length-text": at("w.bin", "0", "all"),
  "no-location": withExternal([["offset", "0"]]),
  "no-pairs": withExternal([]),
  "location-twice": withExternal([
    ["location", "w.bin"],
    ["location", "../w.bin"],
  ]),
  "offset-twice": withExternal([
    ["location", "w.bin"],
    ["offset", "0"],
    ["offset", "8"],
  ]),
  overlapping: withExternal(
    [
      ["location", "w.bin"],
      ["offset", "0"],
      ["length", "16"],
    ],
    [second("8")],
  ),
};

function nested(depth: number): Uint8Array {
  let node: NodeSource = { op: "Identity", inputs: ["x"], outputs: ["y"] };
  for (let level = 0; level < depth; level += 1) {
    const graph = { nodes: [node], inputs: [], outputs: [tensorValue("y", "FP32", [1])] };
    node = {
      op: "If",
      inputs: ["c"],
      outputs: ["y"],
      attributes: { then_branch: { graph }, else_branch: { graph: { ...graph, nodes: [] } } },
    };
  }
  return writeModel({
    nodes: [node],
    inputs: [tensorValue("x", "FP32", [1]), tensorValue("c", "BOOL", [])],
    outputs: [tensorValue("y", "FP32", [1])],
  });
}

const plain = identity("FP32", ["batch", 4]);

function lying(shape: readonly number[], values: readonly number[]): Uint8Array {
  return writeModel({
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", ["batch", 4])],
    outputs: [tensorValue("y", "FP32", ["batch", 4])],
    initializers: [{ name: "w", type: "FP32", shape, values: Float32Array.from(values) }],
  });
}

const customNode = { op: "Evil", domain: "com.evil", inputs: ["x"], outputs: ["y"] };

/** Everything else that is no model to serve. */
const broken: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(0),
  zeros: new Uint8Array(100_000),
  noise: Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 256),
  text: new TextEncoder().encode("this is no model\n".repeat(100)),
  pointer: new TextEncoder().encode(
    "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n",
  ),
  page: new TextEncoder().encode("<!DOCTYPE html><html></html>"),
  truncated: plain.subarray(0, plain.length - 20),
  "half-length": plain.subarray(0, 11),
  "length-lies": Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0a),
  "varint-without-end": new Uint8Array(64).fill(0xff),
  "deep-graphs": nested(400),
  "size-lies": lying([4], [1]),
  "size-lies-huge": lying([2 ** 31, 2 ** 31], [1]),
  "size-negative": lying([-4], [1, 2, 3, 4]),
  "custom-operator": writeModel({
    nodes: [customNode],
    inputs: [tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
    opsets: { "": 17, "com.evil": 1 },
  }),
  "no-outputs": writeModel({ nodes: [], inputs: [tensorValue("x", "FP32", [1])], outputs: [] }),
  "unknown-operator": writeModel({
    nodes: [{ op: "NoSuchThing", inputs: ["x"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
  }),
  "dangling-input": writeModel({
    nodes: [{ op: "Identity", inputs: ["nowhere"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
  }),
  "future-ir": writeModel({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
    irVersion: 9_999,
  }),
  "future-opset": writeModel({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
    opsets: { "": 9_999 },
  }),
  "name-twice": writeModel({
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [tensorValue("x", "FP32", [1]), tensorValue("x", "FP32", [1])],
    outputs: [tensorValue("y", "FP32", [1])],
  }),
};

const manifests: Readonly<Record<string, string>> = {
  "yaml-broken": "name: [",
  "yaml-list": "- a\n- b\n",
  "yaml-unknown-key": "nmae: x\n",
  "yaml-proto": "__proto__: { artifact: /etc/passwd }\n",
  "yaml-tag": "name: !!js/function 'function () {}'\n",
  "yaml-binary": "name: !!binary aGVsbG8=\n",
  "yaml-artifact-up": "artifact: ../row/1/model.onnx\n",
  "yaml-artifact-absolute": "artifact: /etc/passwd\n",
  "yaml-samples-up": "samples: ../../row/1/model.onnx\n",
  "yaml-bomb": [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ...[..."bcdefghij"].map((name) => {
      const before = String.fromCharCode(name.charCodeAt(0) - 1);
      return `${name}: &${name} [${new Array(9).fill(`*${before}`).join(",")}]`;
    }),
  ].join("\n"),
  "yaml-deep": `name: ${"[".repeat(10_000)}${"]".repeat(10_000)}\n`,
  "yaml-merge": "<<: { artifact: /etc/passwd }\nname: x\n",
  "yaml-number-huge": "instances: 1e308\n",
  "yaml-nan": "deadlineMsDefault: .nan\n",
};

let house: House;
let outside: string;
const special: string[] = [];

function put(
  folder: string,
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): string {
  const place = join(folder, name, "1");
  mkdirSync(place, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(place, file), bytes);
  special.push(name);
  return place;
}

/** What no plain list of files can say: links, pipes, devices. */
function putSpecials(folder: string): void {
  writeFileSync(join(outside, "w.bin"), bin);
  writeFileSync(join(outside, "model.onnx"), plain);
  const external = at("w.bin", "0", "16");
  linkSync(
    join(outside, "w.bin"),
    join(put(folder, "hard-link", { "model.onnx": external }), "w.bin"),
  );
  for (const [name, target] of [
    ["link-outside", join(outside, "w.bin")],
    ["link-passwd", "/etc/passwd"],
    ["link-proc", "/proc/self/environ"],
    ["link-device", "/dev/zero"],
    ["link-nowhere", join(outside, "nothing")],
    ["link-loop", "w.bin"],
  ] as const) {
    symlinkSync(target, join(put(folder, name, { "model.onnx": external }), "w.bin"));
  }
  execFileSync("mkfifo", [join(put(folder, "pipe", { "model.onnx": external }), "w.bin")]);
  mkdirSync(join(put(folder, "folder-for-file", { "model.onnx": external }), "w.bin"));
  execFileSync("mkfifo", [join(put(folder, "model-is-pipe", {}), "model.onnx")]);
  symlinkSync(join(outside, "model.onnx"), join(put(folder, "model-is-link", {}), "model.onnx"));
  symlinkSync("/dev/zero", join(put(folder, "model-is-device", {}), "model.onnx"));
  linkSync(join(outside, "model.onnx"), join(put(folder, "model-is-hard-link", {}), "model.onnx"));
  symlinkSync(
    outside,
    join(put(folder, "linked-folder-inside", { "model.onnx": at("o/w.bin") }), "o"),
  );
  symlinkSync(outside, join(folder, "linked-model"));
  special.push("linked-model");
  mkdirSync(join(folder, "linked-version"));
  symlinkSync(outside, join(folder, "linked-version", "1"));
  special.push("linked-version");
}

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), "millrace-outside-"));
  const files: Record<string, Uint8Array | string> = {
    "good-external/1/model.onnx": at("w.bin", "0", "16"),
    "good-external/1/w.bin": bin,
    "loop/1/model.onnx": loop(),
    "deadly/1/model.onnx": deadly(),
  };
  for (const [name, bytes] of Object.entries(externals)) {
    files[`${name}/1/model.onnx`] = bytes;
    files[`${name}/1/w.bin`] = bin;
  }
  for (const [name, bytes] of Object.entries(broken)) files[`${name}/1/model.onnx`] = bytes;
  for (const [name, text] of Object.entries(manifests)) {
    files[`${name}/1/model.onnx`] = plain;
    files[`${name}/1/model.yaml`] = text;
  }
  house = await openHouse({
    files,
    prepare: putSpecials,
    limits: { batchWallMsMax: 1_000, modelNodesMax: 10_000 },
    args: ["--log-format", "json"],
  });
}, 120_000);
afterAll(async () => {
  await house.close();
  rmSync(outside, { recursive: true });
});

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
}

test("each hostile package is listed as failed, with one line without a path", async () => {
  const { body } = await post(`${house.url}/v2/repository/index`, {});
  const listed = new Map((body as Listed[]).map((each) => [each.name, each]));
  const hostile = [
    ...Object.keys(externals),
    ...Object.keys(broken),
    ...Object.keys(manifests),
    ...special,
  ];
  expect(hostile.length).toBeGreaterThan(80);
  for (const name of hostile) {
    const entry = listed.get(name);
    expect([name, entry?.state]).toEqual([name, "UNAVAILABLE"]);
    const reason = entry?.reason ?? "";
    expect(reason.length, name).toBeGreaterThan(10);
    expect(reason.length, name).toBeLessThan(600);
    // A manifest's problems stand one on a line, all at once.
    const lines = name.startsWith("yaml-") ? reason.split("\n") : [reason];
    for (const line of lines) expect(line, name).not.toMatch(/[\n\r\0]/);
    expect(reason, name).not.toContain(house.folder);
    expect(reason, name).not.toContain(outside);
    expect(reason, name).not.toMatch(/onnxruntime|Node\.js|root:x|\/tmp\/|\.ts:|\.js:/);
  }
});

test("each is refused to callers alike, and its details say why", async () => {
  const input = { name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] };
  for (const name of ["parent-folder", "hard-link", "pipe", "zeros", "yaml-bomb"]) {
    const reply = await post(`${house.url}/v2/models/${name}/infer`, { inputs: [input] });
    expect([name, reply.status]).toEqual([name, 503]);
    expect(reply.body).toMatchObject({ code: "MODEL_NOT_READY" });
    const details = await get(`${house.url}/models/${name}`);
    expect(details.body).toMatchObject({ state: "failed", ready: false });
  }
});

test("good neighbours serve, with their weights in another file too", async () => {
  const input = { name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] };
  const reply = await post(`${house.url}/v2/models/good-external/infer`, { inputs: [input] });
  expect(reply.body).toMatchObject({ outputs: [{ data: [1, 2, 3, 4] }] });
  await house.endsWell({ allowed: ["MODEL_NOT_READY"] });
});

test("the log names each hostile package", () => {
  const lines = house.output().split("\n");
  for (const name of [...Object.keys(externals), ...special]) {
    const found = lines.some((line) => line.includes(`failed to load '${name}'`));
    expect([name, found]).toEqual([name, true]);
  }
});

test("a Loop that would run for hours costs its own process, and only its caller", async () => {
  const steps = (count: number | string): string =>
    `{"inputs":[{"name":"iterations","datatype":"INT64","shape":[],"data":[${count}]},` +
    `{"name":"x","datatype":"FP32","shape":[],"data":[1]}]}`;
  const url = `${house.url}/v2/models/loop/infer`;
  const reply = await post(url, steps("9223372036854775807"));
  expect([reply.status, (reply.body as { code: string }).code]).toEqual([503, "ENGINE_TIMEOUT"]);
  expect(reply.headers.get("retry-after")).toBeTruthy();
  await house.endsWell({ allowed: ["ENGINE_TIMEOUT", "MODEL_NOT_READY"] });
  let again = await post(url, steps(3));
  for (let tries = 0; again.status === 503 && tries < 100; tries += 1) {
    await new Promise((done) => setTimeout(done, 100));
    again = await post(url, steps(3));
  }
  expect(again.body).toMatchObject({ outputs: [{ data: [4] }] });
});

test("an input that ends its process is answered 503, then quarantined", async () => {
  const url = `${house.url}/v2/models/deadly/infer`;
  const body = { inputs: [{ name: "x", datatype: "INT32", shape: [1, 1], data: [-(2 ** 31)] }] };
  const codes: string[] = [];
  for (let tries = 0; tries < 40 && codes.at(-1) !== "INPUT_QUARANTINED"; tries += 1) {
    const reply = await post(url, body);
    codes.push(reply.status === 200 ? "OK" : (reply.body as { code: string }).code);
    if (codes.at(-1) === "OK") return; // This processor divides without a trap.
    if (codes.at(-1) === "MODEL_NOT_READY") await new Promise((done) => setTimeout(done, 200));
  }
  expect(codes[0]).toBe("WORKER_LOST");
  expect(codes.at(-1)).toBe("INPUT_QUARANTINED");
  const allowed = ["ENGINE_TIMEOUT", "MODEL_NOT_READY", "WORKER_LOST"];
  await house.endsWell({ allowed });
}, 60_000);
