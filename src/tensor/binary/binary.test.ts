// Goal: bytes become the tensor they spell and nothing else, whatever their size or alignment.
// Method: a slow twin over DataView, round trips, and lying sizes by hand.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { ByteStrings } from "../byte-strings.ts";
import { type Dtype, dtypeTable, type NumericDtype } from "../dtype.ts";
import { makeTensor } from "../tensor.ts";
import { type BinaryHead, readBinary } from "./read-binary.ts";
import { writeBinary } from "./write-binary.ts";

const head = (dtype: Dtype, shape: number[]): BinaryHead => ({ field: "inputs[0]", dtype, shape });

function refusal(bytes: Uint8Array, given: BinaryHead): string {
  try {
    readBinary(bytes, given);
  } catch (thrown) {
    const error = ServingError.from(thrown);
    return `${error.code} ${error.message}`;
  }
  return "accepted";
}

/** The element at `index`, read byte by byte. */
function slowElement(dtype: NumericDtype, view: DataView, index: number): number | bigint {
  const at = index * dtypeTable[dtype].bytes;
  switch (dtype) {
    case "BOOL":
    case "UINT8":
      return view.getUint8(at);
    case "INT8":
      return view.getInt8(at);
    case "INT16":
      return view.getInt16(at, true);
    case "UINT16":
    case "FP16":
    case "BF16":
      return view.getUint16(at, true);
    case "INT32":
      return view.getInt32(at, true);
    case "UINT32":
      return view.getUint32(at, true);
    case "INT64":
      return view.getBigInt64(at, true);
    case "UINT64":
      return view.getBigUint64(at, true);
    case "FP32":
      return view.getFloat32(at, true);
    case "FP64":
      return view.getFloat64(at, true);
  }
}

const numericDtypes = Object.keys(dtypeTable).filter(
  (name): name is NumericDtype => name !== "BYTES" && name !== "BOOL",
);

test("numbers of every dtype are read as a byte-wise reader reads them, at any alignment", () => {
  const dtype = fc.constantFrom(...numericDtypes);
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 96 });
  fc.assert(
    fc.property(dtype, bytes, fc.nat({ max: 9 }), (name, source, shift) => {
      const size = dtypeTable[name].bytes;
      const count = Math.floor(source.length / size);
      const whole = new Uint8Array(shift + count * size);
      whole.set(source.subarray(0, count * size), shift);
      const part = whole.subarray(shift);
      const elements = readBinary(part, head(name, [count]));
      const view = new DataView(part.buffer, part.byteOffset, part.length);
      expect(elements.length).toBe(count);
      for (let index = 0; index < count; index += 1) {
        const got = (elements as Uint8Array)[index];
        expect(Object.is(got, slowElement(name, view, index))).toBe(true);
      }
      const tensor = makeTensor(name, [count], elements);
      expect(Buffer.from(writeBinary(tensor))).toEqual(Buffer.from(part));
    }),
  );
});

test("aligned numbers are a view, others a copy", () => {
  const bytes = new Uint8Array(24);
  const aligned = readBinary(bytes.subarray(8), head("FP64", [2]));
  expect((aligned as Float64Array).buffer).toBe(bytes.buffer);
  const other = readBinary(Buffer.from(bytes.buffer, 1, 16), head("FP64", [2]));
  expect((other as Float64Array).buffer).not.toBe(bytes.buffer);
});

test("strings come back as they were written, empty ones and any bytes included", () => {
  const element = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(fc.array(element, { maxLength: 20 }), fc.nat({ max: 3 }), (elements, shift) => {
      const strings = ByteStrings.fromBytes(elements);
      const written = writeBinary(makeTensor("BYTES", [elements.length], strings));
      const whole = new Uint8Array(shift + written.length);
      whole.set(written, shift);
      const read = readBinary(whole.subarray(shift), head("BYTES", [elements.length]));
      if (!(read instanceof ByteStrings)) throw new Error("no strings");
      expect(elements.map((_, index) => Buffer.from(read.at(index)))).toEqual(
        elements.map((each) => Buffer.from(each)),
      );
    }),
  );
});

test("a slice of strings writes only its own", () => {
  const strings = ByteStrings.fromText(["a", "bb", "ccc"]).slice(1, 2);
  const written = writeBinary(makeTensor("BYTES", [1], strings));
  expect([...written]).toEqual([2, 0, 0, 0, 98, 98]);
});

test("a size that lies is refused with what was expected", () => {
  expect(refusal(new Uint8Array(15), head("FP32", [1, 4]))).toBe(
    "INVALID_INPUT inputs[0]: 15 bytes, expected 16 for FP32 [1,4]",
  );
  expect(refusal(new Uint8Array(8), head("FP32", [2 ** 31, 2 ** 31, 4]))).toContain("8 bytes");
  expect(refusal(new Uint8Array(0), head("FP32", [2 ** 53, 2 ** 53]))).toContain("0 bytes");
  expect(refusal(new Uint8Array(0), head("FP32", [2 ** 53, 0]))).toBe("accepted");
  expect(refusal(new Uint8Array(0), head("FP32", []))).toContain("expected 4");
});

test("lengths of strings that lie are refused before anything is copied", () => {
  const one = Buffer.from([2, 0, 0, 0, 65, 66]);
  expect(refusal(one, head("BYTES", [1]))).toBe("accepted");
  expect(refusal(one, head("BYTES", [2]))).toContain("expected at least 8");
  expect(refusal(one.subarray(0, 5), head("BYTES", [1]))).toContain("says 2 bytes, but 1 are left");
  expect(refusal(Buffer.concat([one, one]), head("BYTES", [1]))).toContain("expected 6");
  const far = Buffer.from([255, 255, 255, 255, 65]);
  expect(refusal(far, head("BYTES", [1]))).toContain("says 4294967295 bytes");
  expect(refusal(Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), head("BYTES", [2]))).toContain(
    "the bytes end before element 1",
  );
  expect(refusal(new Uint8Array(16), head("BYTES", [2 ** 53]))).toContain("at least");
});

test("a BOOL is 0 or 1", () => {
  expect(refusal(new Uint8Array([0, 1]), head("BOOL", [2]))).toBe("accepted");
  expect(refusal(new Uint8Array([0, 2]), head("BOOL", [2]))).toContain("element 1 is 2");
});
