// Goal: what one side writes the other reads, however the bytes are cut, and broken bytes are
// faults. Method: random tensors, cuts and damage; a plain join of the parts is the oracle.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import {
  ByteStrings,
  concatItems,
  type Dtype,
  dtypeTable,
  makeTensor,
  type NumericDtype,
  type Tensor,
  viewNumeric,
} from "../../tensor/index.ts";
import {
  type Frame,
  FrameEncoder,
  FrameFault,
  FrameReader,
  failureOf,
  frameBytesMax,
  kinds,
  readControl,
  readFailure,
  readHello,
  readTensors,
} from "./index.ts";

const head = { kind: kinds.run, instance: 3, batch: 4_000_000_000, extra: 7 };
const dtypes = Object.keys(dtypeTable) as Dtype[];

function bytesOf(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks);
}

/** What a reader makes of `bytes` that arrive in pieces of the given lengths. */
function framesOf(bytes: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  let at = 0;
  for (const cut of cuts) {
    if (at >= bytes.length) break;
    reader.push(bytes.subarray(at, at + cut));
    at += cut;
  }
  if (at < bytes.length) reader.push(bytes.subarray(at));
  return frames;
}

function onlyFrame(bytes: Uint8Array): Frame {
  const [frame] = framesOf(bytes);
  if (frame === undefined) throw new Error("no frame came out");
  return frame;
}

/** A tensor of `items` rows of `width` with elements from a seed. */
function tensorOf(dtype: Dtype, items: number, width: number, seed: number): Tensor {
  const count = items * width;
  if (dtype === "BYTES") {
    const texts = Array.from({ length: count }, (_, index) => "é".repeat((seed + index) % 4));
    return makeTensor(dtype, [items, width], ByteStrings.fromText(texts));
  }
  const bytes = Uint8Array.from({ length: count * dtypeTable[dtype].bytes }, (_, index) =>
    Math.imul(seed + index, 2_654_435_761),
  );
  const numeric: NumericDtype = dtype;
  return makeTensor(
    dtype,
    [items, width],
    viewNumeric(numeric, { buffer: bytes.buffer, byteOffset: 0, length: count }),
  );
}

function raw(tensor: Tensor | undefined): unknown {
  if (tensor === undefined) return undefined;
  if (tensor.dtype === "BYTES") return tensor.elements.toTexts();
  const { buffer, byteOffset, byteLength } = tensor.elements;
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

const batches = fc.record({
  columns: fc.array(fc.record({ dtype: fc.constantFrom(...dtypes), width: fc.nat(5) }), {
    maxLength: 4,
  }),
  parts: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
  wanted: fc.option(fc.array(fc.nat(9), { maxLength: 4 }), { nil: undefined }),
  seed: fc.nat(1_000_000),
});

describe("a frame of tensors", () => {
  test("holds the joined parts of every dtype, however it is cut", () => {
    fc.assert(
      fc.property(batches, fc.array(fc.integer({ min: 1, max: 40 })), (batch, cuts) => {
        const shares = batch.parts.map((items, part) => ({
          inputs: batch.columns.map(({ dtype, width }) =>
            tensorOf(dtype, items, width, batch.seed + part),
          ),
        }));
        const encoder = new FrameEncoder();
        const frame = bytesOf(encoder.tensors(head, batch.wanted, shares));
        const frames = framesOf(Buffer.concat([frame, frame]), cuts);
        expect(frames).toHaveLength(2);
        for (const each of frames) {
          expect(each).toMatchObject(head);
          const { tensors, indexes, wanted } = readTensors(each);
          expect(wanted).toEqual(batch.wanted);
          expect(indexes).toEqual(batch.columns.map((_, index) => index));
          for (const [index, tensor] of tensors.entries()) {
            const whole = concatItems(shares.map((share) => share.inputs[index] as Tensor));
            expect([tensor.dtype, tensor.shape, raw(tensor)]).toEqual([
              whole.dtype,
              whole.shape,
              raw(whole),
            ]);
          }
        }
      }),
    );
  });

  test("leaves out what was not given and keeps the places of the rest", () => {
    const x = tensorOf("INT16", 1, 3, 1);
    const chunks = new FrameEncoder().tensors(head, undefined, [{ inputs: [undefined, x] }]);
    const { tensors, indexes } = readTensors(onlyFrame(bytesOf(chunks)));
    expect(indexes).toEqual([1]);
    expect(tensors).toEqual([x]);
  });

  test("carries a scalar", () => {
    const x = makeTensor("FP64", [], Float64Array.of(1.25));
    const chunks = new FrameEncoder().tensors(head, [], [{ inputs: [x] }]);
    expect(readTensors(onlyFrame(bytesOf(chunks)))).toMatchObject({ tensors: [x], wanted: [] });
  });

  test("does not copy a large tensor", () => {
    const large = tensorOf("UINT8", 100_001, 1, 5);
    const small = tensorOf("FP32", 2, 2, 6);
    const inputs = [small, large, small];
    const chunks = new FrameEncoder().tensors(head, undefined, [{ inputs }]);
    const memory = large.dtype === "BYTES" ? undefined : large.elements.buffer;
    expect(chunks.some((chunk) => chunk.buffer === memory)).toBe(true);
    const { tensors } = readTensors(onlyFrame(bytesOf(chunks)));
    expect(tensors.map(raw)).toEqual(inputs.map(raw));
  });

  test("refuses parts that do not fit together, and what no frame holds", () => {
    const encoder = new FrameEncoder();
    const shares = [{ inputs: [tensorOf("FP32", 1, 1, 0)] }, { inputs: [undefined] }];
    expect(() => encoder.tensors(head, undefined, shares)).toThrow(FrameFault);
    const elements = new Uint8Array(new ArrayBuffer(frameBytesMax));
    const huge = { inputs: [makeTensor("UINT8", [frameBytesMax], elements)] };
    expect(() => encoder.tensors(head, undefined, [huge])).toThrow(FrameFault);
  });

  test("that was damaged is read as something or is a fault, and nothing else", () => {
    const inputs = [tensorOf("FP32", 2, 3, 1), tensorOf("BYTES", 3, 1, 2)];
    const good = bytesOf(new FrameEncoder().tensors(head, [1], [{ inputs }]));
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const frame of framesOf(bytes)) {
            const { tensors } = readTensors(frame);
            for (const tensor of tensors) raw(tensor);
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(FrameFault);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a reader", () => {
  const chunks = Array.from({ length: 100 }, () => 65_536);
  const large = (encoder: FrameEncoder, seed: number) =>
    encoder.tensors(head, undefined, [{ inputs: [tensorOf("UINT8", 300_000, 1, seed)] }]);

  test("refuses a length that is too small, odd or over the limit", () => {
    for (const length of [0, 8, 17, 20, 1008]) {
      const reader = new FrameReader(() => {}, { bytesMax: 1000 });
      const words = Uint32Array.of(length, 0, 0, 0);
      expect(() => reader.push(new Uint8Array(words.buffer))).toThrow(FrameFault);
    }
    const reader = new FrameReader(() => {}, { bytesMax: 1000 });
    reader.push(new Uint8Array(Uint32Array.of(1000, 0, 0, 0).buffer));
  });

  test("gives a large frame memory of its own, and the next frame comes after it", () => {
    const encoder = new FrameEncoder();
    const bytes = bytesOf([...large(encoder, 5), ...encoder.bare({ ...head, kind: kinds.beat })]);
    const frames = framesOf(bytes, chunks);
    expect(frames.map((frame) => frame.kind)).toEqual([kinds.run, kinds.beat]);
    expect(frames[0]?.bytes.buffer).not.toBe(frames[1]?.bytes.buffer);
  });

  test("uses memory again only when it was given back", () => {
    const encoder = new FrameEncoder();
    const seen: Frame[] = [];
    const reader = new FrameReader((frame) => seen.push(frame));
    const read = (seed: number) => {
      const bytes = bytesOf(large(encoder, seed));
      for (let at = 0; at < bytes.length; at += 65_536)
        reader.push(bytes.subarray(at, at + 65_536));
      const frame = seen.at(-1);
      if (frame === undefined) throw new Error("no frame came out");
      expect(Buffer.compare(frame.bytes, bytes)).toBe(0);
      return frame;
    };
    const first = read(1);
    const second = read(2);
    reader.giveBack(first);
    const third = read(3);
    expect(second.bytes.buffer).not.toBe(first.bytes.buffer);
    expect(third.bytes.buffer).toBe(first.bytes.buffer);
    expect(read(4).bytes.buffer).not.toBe(second.bytes.buffer);
  });
});

describe("a control frame", () => {
  const asked = { kind: kinds.failed, instance: 1, batch: 2 };
  const sent = (value: unknown) =>
    readControl(onlyFrame(bytesOf(new FrameEncoder().control(asked, value))));

  test("carries an error with the engine's words apart", () => {
    const cause = new Error("at /some/path");
    const error = new ServingError("INPUT_REJECTED_BY_MODEL", "no", { cause, field: "x" });
    const read = readFailure(sent(failureOf(error)));
    expect(read).toMatchObject({ code: error.code, message: "no", field: "x" });
    expect(read.cause).toBe("at /some/path");
  });

  test("that does not say what it must is a fault", () => {
    expect(() => readFailure(sent({ code: "NO_SUCH_CODE", message: "m" }))).toThrow(FrameFault);
    expect(() => readFailure(sent(null))).toThrow(FrameFault);
    expect(() => readHello(sent({ frameVersion: "1" }))).toThrow(FrameFault);
    const frame = onlyFrame(bytesOf(new FrameEncoder().bare({ ...asked, extra: 5_000 })));
    expect(() => readControl(frame)).toThrow(FrameFault);
  });
});
