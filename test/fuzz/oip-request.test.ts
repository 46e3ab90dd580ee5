// Goal: no body, however broken, makes the reader of inference requests throw anything but a 4xx.
// Method: valid requests with bytes changed, cut, doubled or swapped; replay with the printed seed.
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, errorTable, ServingError } from "../../src/base/index.ts";
import { readOipRequest, withBinaryPart } from "../../src/tensor/index.ts";

const bodies = [
  '{"id":"7","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3e2,4]]}]}',
  '{"inputs":[{"data":["a","\\u00e9"],"shape":[2],"datatype":"BYTES","name":"t"}],"outputs":[]}',
  '{"inputs":[{"name":"i","shape":[1],"datatype":"INT64","data":[9007199254740993]}]}',
  '{"inputs":[{"name":"b","shape":[3],"datatype":"FP16","parameters":{"binary_data_size":6}}],' +
    '"outputs":[{"name":"y","parameters":{"classification":2,"binary_data":true}}]}',
  '{"inputs":[],"parameters":{"timeout":5,"priority":1,"sequence_id":"s","k":1e3,"b":true}}',
];

const changes = fc.array(
  fc.record({
    kind: fc.constantFrom("set", "cut", "double", "token"),
    at: fc.nat({ max: 200 }),
    byte: fc.nat({ max: 255 }),
    token: fc.constantFrom("[", "]", "{", "}", ",", '"', "-1", "1e999", "null", "0.5", "[[[["),
  }),
  { minLength: 1, maxLength: 6 },
);

test("a broken request is refused with a 4xx and takes no memory that it did not bring", () => {
  const numRuns = process.env["MILLRACE_TEST_FULL"] === undefined ? 3_000 : 200_000;
  fc.assert(
    fc.property(fc.constantFrom(...bodies), changes, fc.nat({ max: 8 }), (body, list, extra) => {
      let bytes = Buffer.from(body);
      for (const { kind, at: place, byte, token } of list) {
        const at = place % (bytes.length + 1);
        const inserted = Buffer.from(token);
        if (kind === "set") bytes[at] = byte;
        else if (kind === "cut")
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 3)]);
        else if (kind === "double") bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        else bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
      }
      try {
        const { inputs } = readOipRequest(bytes, defaultLimits);
        withBinaryPart(inputs, new Uint8Array(extra));
      } catch (thrown) {
        if (!ServingError.is(thrown)) throw thrown;
        const { http } = errorTable[thrown.code];
        expect([400, 501]).toContain(http);
        expect(thrown.message.length).toBeLessThan(500);
      }
    }),
    { numRuns },
  );
});
