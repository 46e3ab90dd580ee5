// Goal: a tensor can point at plain bytes of the package and at nothing else.
// Method: one bad entry each, by hand; then every rule at its edge.
import { expect, test } from "vitest";
import type { OnnxTensor } from "../onnx-model.ts";
import { checkRegions, externalRegion } from "./external-regions.ts";

function tensor(external: readonly (readonly [string, string])[], shape = [2]): OnnxTensor {
  const rest = { rawBytes: undefined, elements: () => [] };
  return { name: "w", elementType: 1, shape, isExternal: true, external, ...rest };
}

function region(entries: Readonly<Record<string, string>>, shape = [2]) {
  return externalRegion(tensor(Object.entries({ location: "w.bin", ...entries }), shape));
}

test("reads location, offset and length, and fills in what is left away", () => {
  expect(region({})).toEqual({ tensor: "w", location: "w.bin", offset: 0, length: 8 });
  expect(region({ offset: "4096", length: "8" })).toMatchObject({ offset: 4096, length: 8 });
  expect(region({ location: "./sub/./w.bin" }).location).toBe("sub/w.bin");
  expect(region({ checksum: "abc" }).location).toBe("w.bin");
});

test.each([
  ["", "names no location"],
  ["/etc/passwd", "absolute location"],
  ["../w.bin", "with `..`"],
  ["a/../../w.bin", "with `..`"],
  ["a//b", "not a plain file name"],
  ["a/", "not a plain file name"],
  [".", "not a plain file name"],
  ["a\\b", "not a plain file name"],
  ["a\0b", "not a plain file name"],
  ["*/_ORT_MEM_ADDR_/*", "not a plain file name"],
  ["x".repeat(1025), "not a plain file name"],
])("refuses the location %j", (location, message) => {
  expect(() => region({ location })).toThrow(message);
});

test("refuses a missing location", () => {
  expect(() => externalRegion(tensor([["offset", "0"]]))).toThrow("names no location");
});

test("refuses a key that is there twice", () => {
  const twice = tensor([
    ["location", "a"],
    ["location", "b"],
  ]);
  expect(() => externalRegion(twice)).toThrow("external data of tensor 'w' gives 'location' twice");
});

test.each(["-1", "1.5", "1e3", " 1", "", "0x10", "9".repeat(16), "9".repeat(17)])(
  "refuses the offset %j",
  (offset) => {
    expect(() => region({ offset })).toThrow("a whole number >= 0 is needed");
  },
);

test("refuses a length that the shape does not need", () => {
  expect(() => region({ length: "7" })).toThrow("has length 7, and its shape needs 8 bytes");
  expect(() => region({ length: "1000000000000000" })).toThrow("needs 8 bytes");
});

test("wants regions inside the file, up to its last byte", () => {
  const at = (offset: number, name = "w") => ({ ...region({}), tensor: name, offset });
  expect(() => checkRegions([at(8)], 16)).not.toThrow();
  expect(() => checkRegions([at(9)], 16)).toThrow("ends at byte 17, and the file 'w.bin' has 16");
  expect(() => checkRegions([region({}, [1e15])], 16)).toThrow("ends at byte 4000000000000000");
});

test("refuses regions that meet, and lets neighbours and empty ones be", () => {
  const at = (offset: number, name: string) => ({ ...region({}), tensor: name, offset });
  expect(() => checkRegions([at(8, "b"), at(0, "a")], 16)).not.toThrow();
  expect(() => checkRegions([at(7, "b"), at(0, "a")], 16)).toThrow(
    "external data of tensors 'a' and 'b' overlap in 'w.bin'; export the model again",
  );
  expect(() => checkRegions([at(0, "a"), at(0, "b")], 16)).toThrow("overlap");
  expect(() => checkRegions([at(0, "a"), { ...at(4, "e"), length: 0 }], 16)).not.toThrow();
});

test("refuses strings and unknown types in another file", () => {
  expect(() => externalRegion({ ...tensor([["location", "w"]]), elementType: 8 })).toThrow(
    "has a type that cannot lie in another file",
  );
});
