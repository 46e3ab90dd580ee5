// Goal: a reader that never reads does not hold the slot of its stream, nor do the streams that it
// asked for behind it. Method: a door over one model in memory and a caller who only writes.
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  inputSpec,
  openRestRig,
  outputSpec,
  type RestRig,
} from "../../../../../test/support/rest-rig.ts";
import { makeTensor } from "../../../../tensor/index.ts";

const scores = 2_000;
let rig: RestRig;

beforeAll(async () => {
  const wide = outputSpec({ name: "p", dtype: "FP32", shape: [-1, scores] });
  rig = await openRestRig(
    [
      {
        name: "wide",
        inputs: [inputSpec({ name: "x", dtype: "FP32", shape: [-1, 1] })],
        outputs: [{ ...wide, role: "probability" }],
        run: ({ items }) => {
          const values = new Float32Array(items * scores).map((_, index) => index / 3_333);
          return [makeTensor("FP32", [items, scores], values)];
        },
      },
    ],
    { replyReadMsMax: 300 },
  );
});
afterAll(() => rig.close());

test("streams that nobody reads are over once their connection is cut", async () => {
  const body = JSON.stringify({ instances: Array.from({ length: 2_000 }, () => [1]) });
  const head = "POST /predict/stream?model=wide HTTP/1.1\r\nhost: x\r\n";
  const type = "content-type: application/json\r\n";
  const one = `${head}${type}content-length: ${body.length}\r\n\r\n${body}`;
  const socket = connect({ port: rig.door.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.pause();
  socket.write(one + one + one);
  const { http } = rig.service.metrics;
  await vi.waitFor(() => expect(http.streams()).toBeGreaterThan(0), 5_000);
  await vi.waitFor(() => expect([http.streams(), rig.door.connections]).toEqual([0, 0]), 15_000);
  expect(rig.door.openWork).toBe(0);
  socket.destroy();
}, 30_000);
