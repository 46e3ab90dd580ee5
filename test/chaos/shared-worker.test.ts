// Goal: a model that can no longer be loaded into the worker it shares says why, costs its
// neighbours two deaths and no more, and comes back with its file.
// Method: the file of a served model is replaced by one that ends whoever loads it, the worker
// killed, and the neighbour asked the whole time.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deadly, deadlyToLoad } from "../../tools/onnx/loads.ts";
import { identity } from "../../tools/onnx/models.ts";
import { get, until } from "../support/built-server.ts";
import { column, infer, setting, startServer, writeModels } from "./chaos-rig.ts";

const asked = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] }] };

interface Details {
  readonly ready: boolean;
  readonly reason?: string;
}

test.runIf(process.arch === "x64")(
  "a model that dies on load is kept out of the worker that it shared",
  async () => {
    const good = deadly();
    const folder = writeModels({
      "dying/1/model.onnx": good,
      "sound/1/model.onnx": identity("FP32", ["batch", 2]),
    });
    const limits = setting({ "limits.drainDelayMs": 0, "limits.workerBackoffMsMax": 4_000 });
    const server = await startServer([folder, "--workers-share", ...limits]);
    const path = join(folder, "dying/1/model.onnx");
    const details = async (): Promise<Details> =>
      (await get(`${server.url}/models/dying`)).body as Details;
    const deaths = (): number => server.output().split("worker died").length - 1;
    const [worker = 0] = await server.workers();
    writeFileSync(path, deadlyToLoad());
    process.kill(worker, "SIGKILL");
    const reason = "the model cannot be loaded: loading it ends the engine's process";
    await until(
      async () => (await details()).reason === reason && deaths() >= 3,
      30_000,
      () => server.output(),
    );
    await until(async () => (await infer(server, "sound", asked)).status === 200, 10_000);
    for (let count = 0; count < 200; count += 1) {
      const reply = await infer(server, "sound", asked);
      expect(reply.status, reply.text).toBe(200);
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(deaths()).toBe(3);
    expect((await get(`${server.url}/health/ready`)).status).toBe(200);
    // Not while a try is under way, which a request may wait for.
    const headers = { "x-request-timeout-ms": "200" };
    await until(async () => {
      const refused = await infer(server, "dying", { inputs: [column([4], "INT32")], headers });
      return refused.status === 503 && refused.headers.has("retry-after");
    }, 20_000);
    writeFileSync(path, good);
    await until(async () => (await details()).ready, 15_000);
    expect((await details()).reason).toBe(undefined);
    const back = await infer(server, "dying", { inputs: [column([4], "INT32")] });
    expect([back.status, deaths()]).toEqual([200, 3]);
    expect(await server.stop()).toBe(0);
  },
);
