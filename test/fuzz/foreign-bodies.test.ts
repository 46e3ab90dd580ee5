// Goal: whatever a body of a foreign dialect holds, reading it ends with rows that fit the plan or
// with a refusal of the caller's fault, never with a fault of ours.
// Method: bodies that are right, with random cuts, doublings and bytes, in every format and for
// plans of every kind.

import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, errorTable, ServingError } from "../../src/base/index.ts";
import { chooseForm } from "../../src/doors/rest/invocations/choose-form.ts";
import { decodeBody } from "../../src/doors/rest/rows/decode-body.ts";
import type { RowsFormat, RowsKey } from "../../src/doors/rest/rows/rows-request.ts";
import type { InputSpec } from "../../src/model/index.ts";
import { makeSimplePlan } from "../../src/service/index.ts";
import { elementCount } from "../../src/tensor/index.ts";
import { inputSpec } from "../support/rest-rig.ts";

const isFull = process.env["MILLRACE_TEST_FULL"] === "1";
const runs = isFull ? 600_000 : 10_000;

const columns = [
  { name: "age", dtype: "FP32", min: undefined, max: undefined, default: undefined },
  { name: "tenure", dtype: "FP32", min: undefined, max: undefined, default: 7 },
] as const;

function planOf(...inputs: InputSpec[]) {
  return makeSimplePlan({ inputs, outputs: [], layout: { kind: "dynamic" } });
}

const plans = [
  planOf(inputSpec({ name: "f", dtype: "FP32", shape: [-1, 2] }, { columns })),
  planOf(inputSpec({ name: "n", dtype: "INT64", shape: [-1, 2] })),
  planOf(inputSpec({ name: "text", dtype: "BYTES", shape: [-1] })),
  planOf(inputSpec({ name: "x", dtype: "FP64", shape: [-1, 2, -1] })),
  planOf(
    inputSpec({ name: "a", dtype: "BOOL", shape: [-1] }),
    inputSpec({ name: "b", dtype: "BYTES", shape: [-1, 1] }),
  ),
];

const keys: readonly RowsKey[] = [
  "instances",
  "inputs",
  "examples",
  "dataframe_split",
  "dataframe_records",
];

const bodies: readonly (readonly [format: RowsFormat, body: string])[] = [
  ["json", '{"signature_name":"serving_default","instances":[[1,2],{"age":3},{"f":[1,2]}]}'],
  ["json", '{"instances":["a",{"b64":"aGk="},{"text":{"b64":""}}]}'],
  ["json", '{"inputs":{"age":[1,2],"tenure":[3,4]},"params":{}}'],
  ["json", '{"inputs":[[[1],[2]],[[3],[4]]]}'],
  ["json", '{"inputs":{"a":[true,0],"b":[["x"],["y"]]}}'],
  ["json", '{"examples":[{"age":1},{"tenure":[2]}],"context":{"age":[5],"z":{}}}'],
  ["json", '{"dataframe_split":{"data":[[1,2],[3,null]],"columns":["tenure","age"],"index":[0]}}'],
  ["json", '{"dataframe_records":[{"age":1,"tenure":2},{"age":3}]}'],
  ["csv", 'age,tenure\n1,2\n"3",\n+.5,1e3\r\n'],
  ["csv", '"a, ""b""\nc"\nd\n'],
  ["csv", "9007199254740993,1\n2,3\n"],
  ["lines", '[1,2]\n{"age":3}\n{"features":[1,2]}\n'],
  ["lines", '{"text":"a"}\n"b"\n'],
  ["value", '{"data":{"instances":[[1,2],[3,4]]}}'],
  ["value", "[[[1,2],[3,4]],[[5,6],[7,8]]]"],
  ["value", '[true,"x"]'],
];

/** Cuts, doublings and bytes at random places. */
const changes = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("byte", "cut", "double", "drop"),
    byte: fc.oneof(
      fc
        .constantFrom(...'[]{},:"\\ \n\r0123456789.-+eEntfNI/'.split(""))
        .map((text) => text.charCodeAt(0)),
      fc.nat(255),
    ),
  }),
  { maxLength: 4 },
);

type Change = typeof changes extends fc.Arbitrary<(infer Each)[]> ? Each : never;

function changed(body: Buffer, { at, kind, byte }: Change): Buffer {
  const place = body.length === 0 ? 0 : at % body.length;
  if (kind === "cut") return body.subarray(0, place);
  if (kind === "drop") return Buffer.concat([body.subarray(0, place), body.subarray(place + 1)]);
  if (kind === "double") return Buffer.concat([body.subarray(0, place), body.subarray(place >> 1)]);
  return Buffer.concat([body.subarray(0, place), Buffer.from([byte]), body.subarray(place)]);
}

const limits = { ...defaultLimits, requestItemsMax: 20, isForeign: true };

test("reading a body ends with rows that fit or with a fault of the caller", () => {
  let read = 0;
  let refused = 0;
  const property = fc.property(
    fc.constantFrom(...bodies),
    fc.constantFrom(...plans),
    fc.record({ all: changes, hasBareTokens: fc.boolean() }),
    ([format, text], plan, { all, hasBareTokens }) => {
      const body = all.reduce(changed, Buffer.from(text));
      try {
        const rules = { format, keys, limits: { ...limits, hasBareTokens } };
        const { tensors, items } = decodeBody(body, plan, rules);
        read += 1;
        expect(items).toBeLessThanOrEqual(limits.requestItemsMax);
        for (const tensor of tensors) {
          if (tensor !== undefined) expect(tensor.elements.length).toBe(elementCount(tensor.shape));
        }
      } catch (thrown) {
        if (!(thrown instanceof ServingError)) throw thrown;
        refused += 1;
        expect(errorTable[thrown.code].http).toBeLessThan(500);
        expect(thrown.message.length).toBeLessThan(1_000);
      }
    },
  );
  fc.assert(property, { numRuns: runs });
  // Both ends are reached, or the bodies say nothing.
  expect(read).toBeGreaterThan(runs / 50);
  expect(refused).toBeGreaterThan(runs / 5);
});

test("choosing a form never ends with a fault of ours", () => {
  const property = fc.property(fc.constantFrom(...bodies), changes, ([, text], all) => {
    try {
      chooseForm(all.reduce(changed, Buffer.from(text)), 32);
    } catch (thrown) {
      if (!(thrown instanceof ServingError)) throw thrown;
      expect(errorTable[thrown.code].http).toBeLessThan(500);
    }
  });
  fc.assert(property, { numRuns: runs });
});
