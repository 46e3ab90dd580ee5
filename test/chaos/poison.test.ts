// Goal: an input that kills its worker is refused after two deaths, and costs its neighbours next
// to nothing (R15).
// Method: a division whose quotient does not fit ends the process on x86-64; the same input again
// and again, first alone and then among many callers.
import { expect, test } from "vitest";
import { deadly, deadlyElement } from "../../tools/onnx/loads.ts";
import { type BuiltServer, until } from "../support/built-server.ts";
import { codeOf, column, infer, metric, setting, startServer, writeModels } from "./chaos-rig.ts";

const othersWanted = 1_500;
const callers = 8;

async function start(): Promise<BuiltServer> {
  const folder = writeModels({ "deadly.onnx": deadly() });
  const limits = setting({ "limits.drainDelayMs": 0 });
  return await startServer([`${folder}/deadly.onnx`, ...limits]);
}

/** Sends the rows once the model answers again. */
async function ask(server: BuiltServer, rows: readonly number[]) {
  await until(async () => (await metric(server, "millrace_model_ready")) === 1, 30_000);
  return await infer(server, "deadly", { inputs: [column(rows, "INT32")] });
}

test.skipIf(process.arch !== "x64")(
  "an input that kills twice while alone is refused without a third death",
  async () => {
    const server = await start();
    for (const death of [1, 2]) {
      const reply = await ask(server, [deadlyElement]);
      expect([reply.status, codeOf(reply)]).toEqual([503, "WORKER_LOST"]);
      expect(reply.headers.has("retry-after")).toBe(true);
      expect(await metric(server, "millrace_worker_deaths_total")).toBe(death);
    }
    await until(async () => (await metric(server, "millrace_model_ready")) === 1, 30_000);
    const workers = await server.workers();
    for (let again = 0; again < 3; again += 1) {
      const reply = await ask(server, [deadlyElement]);
      expect([reply.status, codeOf(reply)]).toEqual([422, "INPUT_QUARANTINED"]);
    }
    expect(await server.workers()).toEqual(workers);
    expect(await metric(server, "millrace_worker_deaths_total")).toBe(2);
    expect(await metric(server, "millrace_quarantined_inputs")).toBe(1);
    const hits = { name: "workerDeathsPerInputMax" };
    expect(await metric(server, "millrace_limit_hits_total", hits)).toBe(3);
    expect((await ask(server, [deadlyElement + 1])).status).toBe(200);
    expect(server.output()).toContain("worker died");
    expect(server.output()).toContain("SIGFPE");
    expect(await server.stop()).toBe(0);
  },
);

test.skipIf(process.arch !== "x64")(
  "among many callers the input is refused after at most three deaths, the others are answered",
  async () => {
    const server = await start();
    const counts = { sent: 0, served: 0, lost: 0 };
    let isOver = false;
    const caller = async (seed: number): Promise<void> => {
      while (!isOver) {
        counts.sent += 1;
        const value = seed * 100_000 + counts.sent;
        const reply = await infer(server, "deadly", { inputs: [column([value], "INT32")] });
        if (reply.status === 200) {
          expect(reply.text).toContain(`[${-value}]`);
          counts.served += 1;
        } else {
          expect(["WORKER_LOST", "MODEL_NOT_READY"]).toContain(codeOf(reply));
          counts.lost += 1;
        }
      }
    };
    const others = Array.from({ length: callers }, (_, index) => caller(index + 1));
    const codes: string[] = [];
    try {
      for (let turn = 0; turn < 5; turn += 1) {
        await until(() => Promise.resolve(counts.served > turn * 50), 30_000);
        codes.push(codeOf(await ask(server, [deadlyElement, 7])));
      }
      await until(() => Promise.resolve(counts.served >= othersWanted), 60_000);
    } finally {
      isOver = true;
    }
    await Promise.all(others);
    process.stdout.write(`poison: ${JSON.stringify(counts)}, ${codes.join(" ")}\n`);
    expect(codes.at(0)).toBe("WORKER_LOST");
    expect(codes.at(-1)).toBe("INPUT_QUARANTINED");
    expect(new Set(codes)).toEqual(new Set(["WORKER_LOST", "INPUT_QUARANTINED"]));
    expect(await metric(server, "millrace_worker_deaths_total")).toBeLessThanOrEqual(3);
    expect(await metric(server, "millrace_quarantined_inputs")).toBe(1);
    expect(counts.served / counts.sent).toBeGreaterThanOrEqual(0.99);
    expect(await server.stop()).toBe(0);
  },
);
