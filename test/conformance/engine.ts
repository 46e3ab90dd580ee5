/**
 * What every implementation of the `Engine` port must do; run for the process and the inline
 * engine.
 *
 * A test may be skipped with a reason, which is shown. Answers are told apart by a model that gives
 * back a fingerprint of its input.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServingError } from "../../src/base/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import { ByteStrings, type Dtype, makeTensor, type Tensor } from "../../src/tensor/index.ts";
import { picky } from "../../tools/onnx/loads.ts";
import {
  constant,
  fingerprint,
  fingerprintOf,
  identity,
  mixed,
  scalar,
} from "../../tools/onnx/models.ts";
import { type ModelFolder, makeModelFolder } from "./engine-models.ts";
import { batchOf, codeOf, fingerprintArtifact, float32, plain } from "./engine-steps.ts";

export interface EngineSuite {
  readonly name: string;
  readonly create: () => Engine;
  readonly skip: readonly { readonly test: string; readonly reason: string }[];
}

/** Values of each dtype, its edges among them, as a tensor [2, 2]. */
const samples: Readonly<Partial<Record<Dtype, Tensor["elements"]>>> = {
  BOOL: Uint8Array.of(0, 1, 1, 0),
  INT8: Int8Array.of(-128, 127, 0, -1),
  INT16: Int16Array.of(-32_768, 32_767, 0, -1),
  INT32: Int32Array.of(-2_147_483_648, 2_147_483_647, 0, -1),
  INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n),
  UINT8: Uint8Array.of(0, 255, 1, 2),
  UINT16: Uint16Array.of(0, 65_535, 1, 2),
  UINT32: Uint32Array.of(0, 4_294_967_295, 1, 2),
  UINT64: BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 53n + 1n, 2n),
  FP16: Uint16Array.of(0x0000, 0x3c00, 0x7e00, 0xfc00),
  FP32: Float32Array.of(-0, Number.NaN, Number.POSITIVE_INFINITY, 1.5),
  FP64: Float64Array.of(-0, Number.NaN, Number.NEGATIVE_INFINITY, 1e300),
  BYTES: ByteStrings.fromText(["", "plain", "größer ☃ 𝄞", "\ufeffmark"]),
};

export function runEngineSuite(suite: EngineSuite): void {
  describe(suite.name, () => {
    let folder: ModelFolder;
    let engine: Engine;
    beforeAll(() => {
      folder = makeModelFolder();
      engine = suite.create();
    });
    afterAll(async () => {
      await engine.close();
      folder.remove();
    });
    const reached = { folder: () => folder, engine: () => engine };
    const ask = (name: string, act: (at: typeof reached) => Promise<void>) => {
      const skipped = suite.skip.find((each) => each.test === name);
      if (skipped === undefined) test(name, () => act(reached));
      else test.skip(`${name} (${skipped.reason})`, () => {});
    };
    testDtypes(ask);
    testBatches(ask);
    testErrors(ask);
    testLives(ask);
  });
}

interface Reached {
  folder(): ModelFolder;
  engine(): Engine;
}
type Ask = (name: string, act: (at: Reached) => Promise<void>) => void;

function testDtypes(ask: Ask): void {
  for (const [dtype, elements] of Object.entries(samples)) {
    ask(`gives ${dtype} back bit for bit`, async ({ folder, engine }) => {
      const kind = dtype as Dtype;
      const model = identity(kind as Exclude<Dtype, "BF16">, ["batch", 2]);
      const artifact = folder().artifact(model, [["x", kind]], [["y", kind]]);
      const instance = await engine().load(artifact);
      const sent = makeTensor(kind, [2, 2], elements);
      const { outputs } = await instance.run(batchOf([sent]));
      expect(outputs).toHaveLength(1);
      expect(outputs[0]?.dtype).toBe(kind);
      expect(outputs[0]?.shape).toEqual([2, 2]);
      expect(plain(outputs[0])).toEqual(plain(sent));
      await instance.close();
    });
  }

  ask("serves a model of scalars", async ({ folder, engine }) => {
    const instance = await engine().load(
      folder().artifact(scalar(), [["x", "FP32"]], [["y", "FP32"]]),
    );
    const { outputs } = await instance.run(batchOf([float32([], 4)]));
    expect(outputs[0]).toEqual(float32([], 8));
  });

  ask("serves a model without inputs", async ({ folder, engine }) => {
    const instance = await engine().load(folder().artifact(constant(), [], [["y", "FP32"]]));
    const { outputs } = await instance.run(batchOf([]));
    expect(outputs[0]).toEqual(float32([3], 1, 2, 3));
  });
}

function testBatches(ask: Ask): void {
  ask("joins several parts, and the results cover the items of all", async (at) => {
    const instance = await at.engine().load(fingerprintArtifact(at.folder(), 3));
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [0, 0, 1],
    ];
    const parts = [rows.slice(0, 1), rows.slice(1, 3), rows.slice(3)];
    const { outputs } = await instance.run(
      batchOf(...parts.map((part) => [float32([part.length, 3], ...part.flat())])),
    );
    expect(outputs[0]?.shape).toEqual([4, 1]);
    expect(plain(outputs[0])).toEqual(rows.map(fingerprintOf));
    expect(plain(outputs[1])).toEqual([1, 4, 7, 0]);
  });

  ask("joins strings and numbers of unlike parts", async ({ folder, engine }) => {
    const outputs = [
      ["same_name", "BYTES"],
      ["same_value", "INT64"],
    ] as const;
    const inputs = [
      ["name", "BYTES"],
      ["value", "INT64"],
    ] as const;
    const instance = await engine().load(folder().artifact(mixed(), inputs, outputs));
    const part = (names: string[], ...values: bigint[]) => [
      makeTensor("BYTES", [names.length, 1], ByteStrings.fromText(names)),
      makeTensor("INT64", [values.length, 1], BigInt64Array.from(values)),
    ];
    const result = await instance.run(batchOf(part(["a", "bcd"], 1n, 2n), part(["é"], 3n)));
    expect(plain(result.outputs[0])).toEqual(["a", "bcd", "é"]);
    expect(plain(result.outputs[1])).toEqual([1n, 2n, 3n]);
  });

  ask("gives the wanted outputs only, in the order asked", async (at) => {
    const instance = await at.engine().load(fingerprintArtifact(at.folder(), 2));
    const batch = batchOf([float32([1, 2], 8, 9)]);
    const first = await instance.run({ ...batch, outputs: [1] });
    expect(first.outputs.map((each) => each.dtype)).toEqual(["FP32"]);
    const turned = await instance.run({ ...batch, outputs: [1, 0] });
    expect(turned.outputs.map((each) => each.dtype)).toEqual(["FP32", "FP64"]);
  });

  ask("keeps the answers of concurrent runs apart", async (at) => {
    const instance = await at.engine().load(fingerprintArtifact(at.folder(), 4));
    const runs = Array.from({ length: 200 }, async (_, index) => {
      const row = [index, index * 7, 3, 200 - index];
      const { outputs } = await instance.run(batchOf([float32([1, 4], ...row)]));
      expect(plain(outputs[0])).toEqual([fingerprintOf(row)]);
    });
    await Promise.all(runs);
  });

  ask("carries a tensor of several MiB both ways", async ({ folder, engine }) => {
    const artifact = folder().artifact(
      identity("FP32", ["batch", 1024]),
      [["x", "FP32"]],
      [["y", "FP32"]],
    );
    const instance = await engine().load(artifact);
    const elements = Float32Array.from({ length: 2048 * 1024 }, (_, index) => index);
    const half = elements.length / 2;
    const { outputs } = await instance.run(
      batchOf(
        [makeTensor("FP32", [1024, 1024], elements.subarray(0, half))],
        [makeTensor("FP32", [1024, 1024], elements.subarray(half))],
      ),
    );
    expect(Buffer.compare(bytesOf(outputs[0]), bytesOf({ elements }))).toBe(0);
  });

  ask("reports the time inside the engine", async (at) => {
    const instance = await at.engine().load(fingerprintArtifact(at.folder(), 2));
    const { runMs } = await instance.run(batchOf([float32([1, 2], 1, 1)]));
    expect(runMs).toBeGreaterThan(0);
  });
}

function testErrors(ask: Ask): void {
  ask("answers a refused input and goes on", async ({ folder, engine }) => {
    const artifact = folder().artifact(picky(), [["index", "INT64"]], [["value", "FP32"]]);
    const instance = await engine().load(artifact);
    const run = (index: bigint) =>
      instance.run(batchOf([makeTensor("INT64", [1, 1], BigInt64Array.of(index))]));
    const error = await run(99n).catch((thrown: unknown) => ServingError.from(thrown));
    expect(error).toMatchObject({ code: "INPUT_REJECTED_BY_MODEL" });
    expect((error as ServingError).message).not.toContain("/");
    expect((error as ServingError).cause).toBeDefined();
    expect(plain((await run(3n)).outputs[0])).toEqual([30]);
    expect(instance.isReady).toBe(true);
  });

  ask("names the text element that the engine cannot take", async ({ folder, engine }) => {
    const artifact = folder().artifact(
      identity("BYTES", ["n"]),
      [["x", "BYTES"]],
      [["y", "BYTES"]],
    );
    const instance = await engine().load(artifact);
    const run = (bytes: number[]) => {
      const elements = ByteStrings.fromBytes([Buffer.from("ok"), Uint8Array.from(bytes)]);
      return instance.run(batchOf([makeTensor("BYTES", [2], elements)]));
    };
    const wanted = { code: "INPUT_REJECTED_BY_MODEL", field: "x" };
    await expect(run([0xff])).rejects.toMatchObject(wanted);
    await expect(run([0xff])).rejects.toThrow("element 1 is not UTF-8");
    await expect(run([0x61, 0, 0x62])).rejects.toThrow("element 1 holds a NUL");
  });

  ask("refuses an output of another dtype than promised", async ({ folder, engine }) => {
    const wrong = folder().artifact(fingerprint(2), [["x", "FP32"]], [["fingerprint", "FP32"]]);
    expect(await codeOf(engine().load(wrong))).toBe("MODEL_LOAD_FAILED");
  });

  ask("refuses a file that is no model, without saying where it lies", async (at) => {
    const artifact = at.folder().artifact(Buffer.from("not a model"), [], []);
    const load = at.engine().load(artifact);
    await expect(load).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(load).rejects.not.toThrow(artifact.path);
  });

  ask("refuses a signature that it cannot exchange", async ({ folder, engine }) => {
    const model = identity("BF16", ["batch"]);
    const artifact = folder().artifact(model, [["x", "BF16"]], [["y", "BF16"]]);
    await expect(engine().load(artifact)).rejects.toThrow("BF16");
  });
}

function testLives(ask: Ask): void {
  ask("fails what is asked after closing, and closes twice", async (at) => {
    const instance = await at.engine().load(fingerprintArtifact(at.folder(), 2));
    let changes = 0;
    instance.onReadyChange(() => {
      changes += 1;
    });
    expect(instance.isReady).toBe(true);
    const batch = batchOf([float32([1, 2], 1, 1)]);
    const underWay = codeOf(instance.run(batch));
    await Promise.all([instance.close(), instance.close()]);
    expect(await underWay).toBe("MODEL_NOT_READY");
    expect(instance.isReady).toBe(false);
    expect(changes).toBe(1);
    expect(await codeOf(instance.run(batch))).toBe("MODEL_NOT_READY");
  });

  ask("keeps one instance when another is closed", async (at) => {
    const artifact = fingerprintArtifact(at.folder(), 2);
    const [kept, closed] = await Promise.all([
      at.engine().load(artifact),
      at.engine().load(artifact),
    ]);
    await closed.close();
    const { outputs } = await kept.run(batchOf([float32([1, 2], 1, 2)]));
    expect(plain(outputs[0])).toEqual([fingerprintOf([1, 2])]);
  });
}

function bytesOf(tensor: Pick<Tensor, "elements"> | undefined): Uint8Array {
  const elements = tensor?.elements;
  if (elements === undefined || elements instanceof ByteStrings) return new Uint8Array(0);
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}
