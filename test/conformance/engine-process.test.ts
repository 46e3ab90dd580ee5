// Goal: a dying, hanging or greedy worker costs at most the batches in it, and is replaced.
// Method: real child processes that are killed from outside, hang in a Loop or kill themselves.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, defaultLimits, systemClock } from "../../src/base/index.ts";
import {
  createProcessEngine,
  type ProcessEngine,
  type ProcessEngineOptions,
  type WorkerEvent,
} from "../../src/engine/index.ts";
import { makeTensor } from "../../src/tensor/index.ts";
import { deadly, deadlyElement } from "../../tools/onnx/loads.ts";
import { fingerprintOf } from "../../tools/onnx/models.ts";
import { type ModelFolder, makeModelFolder } from "./engine-models.ts";
import {
  batchOf,
  codeOf,
  fingerprintArtifact,
  float32,
  forever,
  isAlive,
  loopArtifact,
  loopBatch,
  lost,
  plain,
  ready,
  until,
} from "./engine-steps.ts";

const isLinux = process.platform === "linux";

let folder: ModelFolder;
const engines: ProcessEngine[] = [];
beforeAll(() => {
  folder = makeModelFolder();
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  folder.remove();
});

function engineOf(options: ProcessEngineOptions = {}): ProcessEngine {
  const engine = createProcessEngine(options);
  engines.push(engine);
  return engine;
}

describe("a worker that dies", () => {
  test("fails its batches with WORKER_LOST and is replaced at once", async () => {
    const events: WorkerEvent[] = [];
    const engine = engineOf({ onEvent: (event) => events.push(event) });
    const instance = await engine.load(loopArtifact(folder));
    const runs = [instance.run(loopBatch(forever)), instance.run(loopBatch(1n))];
    const codes = Promise.all(runs.map(codeOf));
    process.kill(engine.pids[0] ?? 0, "SIGKILL");
    expect(await codes).toEqual(["WORKER_LOST", "WORKER_LOST"]);
    expect(instance.isReady).toBe(false);
    expect(await codeOf(instance.run(loopBatch(1n)))).toBe("MODEL_NOT_READY");
    await ready(instance);
    expect(plain((await instance.run(loopBatch(5n))).outputs[0])).toEqual([6]);
    const died = events.find((event) => event.kind === "died");
    expect(died).toMatchObject({ death: { kind: "killed" }, restartMs: 0 });
    expect(died?.kind === "died" && died.death.words).toContain("SIGKILL");
  });

  test.runIf(process.arch === "x64")("by its own input is replaced as well", async () => {
    const engine = engineOf();
    const artifact = folder.artifact(deadly(), [["x", "INT32"]], [["y", "INT32"]]);
    const instance = await engine.load(artifact);
    const run = (element: number) =>
      instance.run(batchOf([makeTensor("INT32", [1, 1], Int32Array.of(element))]));
    expect(await codeOf(run(deadlyElement))).toBe("WORKER_LOST");
    await ready(instance);
    expect(plain((await run(5)).outputs[0])).toEqual([-5]);
  });

  test("again and again swaps no answers and fails with retryable codes only", async () => {
    const engine = engineOf();
    const instance = await engine.load(fingerprintArtifact(folder, 2));
    const codes = new Set<string>();
    let good = 0;
    let isOver = false;
    const callers = [1, 2].map(async (caller) => {
      for (let count = 0; !isOver; count += 1) {
        await ready(instance);
        const row = [caller * 1_000 + (count % 997), count % 13];
        const answer = instance.run(batchOf([float32([1, 2], ...row)]));
        const code = await codeOf(answer);
        codes.add(code);
        if (code !== "nothing") continue;
        expect(plain((await answer).outputs[0])).toEqual([fingerprintOf(row)]);
        good += 1;
      }
    });
    for (let kill = 1; kill <= 4; kill += 1) {
      await ready(instance);
      const wanted = good + 50;
      await until(() => good >= wanted);
      process.kill(engine.pids[0] ?? 0, "SIGKILL");
    }
    isOver = true;
    await ready(instance);
    await Promise.all(callers);
    expect([...codes].toSorted()).toEqual(["WORKER_LOST", "nothing"].toSorted());
  });

  test("waits before the third start when no batch came back between", async () => {
    const events: WorkerEvent[] = [];
    const engine = engineOf({
      onEvent: (event) => events.push(event),
      random: { next: () => 0 },
    });
    const instance = await engine.load(loopArtifact(folder));
    for (let death = 0; death < 3; death += 1) {
      await ready(instance);
      const gone = lost(instance);
      process.kill(engine.pids[0] ?? 0, "SIGKILL");
      await gone;
    }
    await ready(instance);
    const delays = events.flatMap((event) => (event.kind === "died" ? [event.restartMs] : []));
    expect(delays).toEqual([0, 50, 100]);
  });

  test("that outgrows its memory is killed", async () => {
    const limits = { ...defaultLimits, workerMemoryBytesMax: 1024 };
    const events: WorkerEvent[] = [];
    const engine = engineOf({ limits, onEvent: (event) => events.push(event) });
    const instance = await engine.load(loopArtifact(folder));
    expect(instance.memoryBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(await codeOf(instance.run(loopBatch(forever)))).toBe("WORKER_LOST");
    expect(events.find((event) => event.kind === "died")).toMatchObject({
      death: { kind: "memory" },
    });
    await instance.close();
  });
});

describe("a worker that hangs", () => {
  test("fails the batch with ENGINE_TIMEOUT, the one behind it with WORKER_LOST", async () => {
    const instance = await engineOf().load(loopArtifact(folder));
    const runs = [instance.run(loopBatch(forever, 200)), instance.run(loopBatch(1n, 200))];
    expect(await Promise.all(runs.map(codeOf))).toEqual(["ENGINE_TIMEOUT", "WORKER_LOST"]);
    await ready(instance);
    expect(plain((await instance.run(loopBatch(2n))).outputs[0])).toEqual([3]);
  });

  test.runIf(isLinux)("in a load is MODEL_LOAD_FAILED, and its neighbours live on", async () => {
    const limits = { ...defaultLimits, modelLoadMsMax: 500 };
    const engine = engineOf({ limits });
    const neighbour = await engine.load(loopArtifact(folder), { worker: "many" });
    const good = loopArtifact(folder);
    const pipe = `${good.path}.pipe`;
    execFileSync("mkfifo", [pipe]);
    const load = engine.load({ ...good, path: pipe }, { worker: "many" });
    await expect(load).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(load).rejects.toThrow("longer than 500 ms (modelLoadMsMax)");
    await ready(neighbour);
    expect(plain((await neighbour.run(loopBatch(2n))).outputs[0])).toEqual([3]);
  });
});

describe("a version that cannot be loaded again", () => {
  test("stays away alone, is tried again, and comes back with its file", async () => {
    const events: WorkerEvent[] = [];
    const engine = engineOf({ onEvent: (event) => events.push(event) });
    const artifact = fingerprintArtifact(folder, 2);
    const broken = await engine.load(artifact, { worker: "many" });
    const sound = await engine.load(loopArtifact(folder), { worker: "many" });
    renameSync(artifact.path, `${artifact.path}.away`);
    const gone = lost(sound);
    process.kill(engine.pids[0] ?? 0, "SIGKILL");
    await gone;
    await ready(sound);
    const failures = () => events.filter((event) => event.kind === "reloadFailed");
    await until(() => failures().length >= 2);
    expect(failures()[0]).toMatchObject({
      path: artifact.path,
      error: { code: "MODEL_LOAD_FAILED" },
    });
    expect([broken.isReady, sound.isReady]).toEqual([false, true]);
    expect([broken.restarts, sound.restarts]).toEqual([1, 1]);
    expect(plain((await sound.run(loopBatch(2n))).outputs[0])).toEqual([3]);
    renameSync(`${artifact.path}.away`, artifact.path);
    await ready(broken);
    const result = await broken.run(batchOf([float32([1, 2], 3, 1)]));
    expect(plain(result.outputs[0])).toEqual([fingerprintOf([3, 1])]);
    expect(engine.pids).toHaveLength(1);
  });
});

describe("workers", () => {
  test("are given no time to end once that is up", async () => {
    // The polite wait of 2 s never ends here, so only a close without one does.
    const clock: Clock = {
      ...systemClock,
      after: (ms, act) => systemClock.after(ms === 2_000 ? 2 ** 30 : ms, act),
    };
    const engine = engineOf({ clock });
    const instance = await engine.load(loopArtifact(folder));
    const code = codeOf(instance.run(loopBatch(forever)));
    engine.hurry();
    await engine.close();
    expect(await code).toBe("MODEL_NOT_READY");
    expect(engine.pids).toEqual([]);
  });

  test("are shared by what is loaded under one name", async () => {
    const engine = engineOf();
    const options = { worker: "many" };
    const instances = await Promise.all(
      [2, 3, 4].map((width) => engine.load(fingerprintArtifact(folder, width), options)),
    );
    expect(engine.pids).toHaveLength(1);
    const [first, second, third] = instances;
    const slow = await engine.load(loopArtifact(folder), options);
    const running = slow.run(loopBatch(200_000n));
    await first?.close();
    await running;
    const row = [3, 1, 2];
    const result = await second?.run(batchOf([float32([1, 3], ...row)]));
    expect(plain(result?.outputs[0])).toEqual([fingerprintOf(row)]);
    await Promise.all([second?.close(), third?.close(), slow.close()]);
    expect(engine.pids).toEqual([]);
  });

  test("can be started before there is anything to load", async () => {
    const engine = engineOf();
    engine.prepare();
    const [pid] = engine.pids;
    const instance = await engine.load(fingerprintArtifact(folder, 2));
    expect(engine.pids).toEqual([pid]);
    await instance.close();
  });

  test.runIf(isLinux)(
    "get named keys, an empty folder, one socket, and leave nothing",
    async () => {
      const environment = { SECRET: "s", PATH: "/bin", LANG: "C.UTF-8", OMP_NUM_THREADS: "1" };
      const engine = engineOf({ environment });
      const instance = await engine.load(fingerprintArtifact(folder, 2));
      const proc = `/proc/${engine.pids[0]}`;
      const keys = readFileSync(`${proc}/environ`, "latin1").split("\0").filter(Boolean);
      expect(keys.map((each) => each.split("=")[0]).toSorted()).toEqual(
        ["LANG", "NODE_COMPILE_CACHE", "OMP_NUM_THREADS"].filter((key) =>
          keys.join().includes(key),
        ),
      );
      const cwd = readlinkSync(`${proc}/cwd`);
      expect(readdirSync(cwd)).toEqual([]);
      const files = readdirSync(`${proc}/fd`).map((fd) => readlinkSync(join(proc, "fd", fd)));
      const sockets = files.filter((file) => file.startsWith("socket:"));
      expect(sockets).toHaveLength(3);
      const named = files.filter((file) => file.startsWith("/") && file !== "/dev/null");
      // The two files in memory for large frames have no name any more.
      expect(named.filter((file) => !/^\/dev\/shm\/.*-(up|down) \(deleted\)$/.test(file))).toEqual(
        [],
      );
      expect(named.length === 2 || !existsSync("/dev/shm")).toBe(true);
      await instance.close();
      await until(() => !existsSync(cwd));
    },
  );

  test.runIf(isLinux && existsSync("/usr/bin/setpriv"))(
    "end with their parent, even inside a run",
    async () => {
      const artifact = loopArtifact(folder);
      const script = `
        const { createProcessEngine } = await import(${JSON.stringify(
          new URL("../../src/engine/index.ts", import.meta.url).href,
        )});
        const engine = createProcessEngine();
        const instance = await engine.load(${JSON.stringify(artifact)});
        const iterations = { dtype: "INT64", shape: [], elements: BigInt64Array.of(2n ** 40n) };
        const x = { dtype: "FP32", shape: [], elements: Float32Array.of(1) };
        const parts = [{ inputs: [iterations, x] }];
        void instance.run({ parts, outputs: undefined, wallMsMax: 60000 });
        setTimeout(() => console.log(engine.pids[0]), 200);
      `;
      const words = ["--input-type=module", "-e", script];
      const parent = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
      const pid = await new Promise<number>((settle) => {
        parent.stdout.once("data", (text) => settle(Number.parseInt(String(text), 10)));
      });
      const wasAlive = isAlive(pid);
      parent.kill("SIGKILL");
      expect(wasAlive).toBe(true);
      await until(() => !isAlive(pid));
    },
  );
});
