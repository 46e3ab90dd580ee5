// Goal: a caller's configuration gives the settings that it names, whichever way its numbers are
// written, and each wrong member is named. Method: by hand, and against random JSON.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRunConfig } from "./run-config.ts";

const nothing = { itemsMax: undefined, delayMsMax: undefined, instances: undefined };

test.each([
  [{}, nothing],
  [{ max_batch_size: 16 }, { ...nothing, itemsMax: 16 }],
  [
    { max_batch_size: "16", input: "passed over" },
    { ...nothing, itemsMax: 16 },
  ],
  [{ max_batch_size: 0 }, nothing],
  [{ dynamic_batching: { max_queue_delay_microseconds: "1500" } }, { ...nothing, delayMsMax: 1.5 }],
  [{ dynamic_batching: {} }, nothing],
  [{ instance_group: [{ count: 3, kind: "KIND_CPU" }, {}] }, { ...nothing, instances: 4 }],
  [{ instance_group: [] }, nothing],
  [{ instance_group: [{ count: 0, kind: null }, { count: null }] }, { ...nothing, instances: 2 }],
  [{ max_batch_size: null, dynamic_batching: null, instance_group: null }, nothing],
])("%j", (config, settings) => {
  const read = readRunConfig(config);
  expect("settings" in read && read.settings).toEqual(settings);
});

test.each([
  [null, ""],
  [[], ""],
  [{ max_batch_size: 1.5 }, "max_batch_size"],
  [{ max_batch_size: "" }, "max_batch_size"],
  [{ max_batch_size: " 3" }, "max_batch_size"],
  [{ max_batch_size: "0x10" }, "max_batch_size"],
  [{ max_batch_size: 10_001 }, "max_batch_size"],
  [{ dynamic_batching: [] }, "dynamic_batching"],
  [
    { dynamic_batching: { max_queue_delay_microseconds: 1_000_001 } },
    "dynamic_batching.max_queue_delay_microseconds",
  ],
  [{ instance_group: {} }, "instance_group"],
  [{ instance_group: [3] }, "instance_group[0]"],
  [{ instance_group: [{ count: -1 }] }, "instance_group[0].count"],
  [{ instance_group: [{ kind: "KIND_GPU" }] }, "instance_group[0].kind"],
  [{ instance_group: Array.from({ length: 65 }, () => ({})) }, "instance_group"],
])("%j is refused by the name of its member", (config, member) => {
  const read = readRunConfig(config);
  expect("wrong" in read && [read.member, read.wrong]).toEqual([
    member,
    expect.stringMatching(/expected /),
  ]);
});

test("any JSON gives settings within their bounds, or a fault", () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const config = fc.record(
    { max_batch_size: value, dynamic_batching: value, instance_group: value, other: value },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(config, value), (given) => {
      const read = readRunConfig(given);
      if ("wrong" in read) expect(read.wrong).not.toBe("");
      else expect(read.settings.itemsMax ?? 1).toBeGreaterThanOrEqual(1);
    }),
  );
});

test("what is no setting is told by the name of its member", () => {
  const read = readRunConfig({
    platform: "onnxruntime_onnx",
    max_batch_size: "0",
    dynamic_batching: { max_queue_delay_microseconds: 3, preserve_ordering: true },
    instance_group: [{ count: 1, name: "a" }, { gpus: [0] }],
  });
  expect("rest" in read && Object.fromEntries(read.rest)).toEqual({
    platform: "onnxruntime_onnx",
    max_batch_size: 0,
    "dynamic_batching.preserve_ordering": true,
    "instance_group[1].gpus": [0],
  });
});
