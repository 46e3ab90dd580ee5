/** One row a call over gRPC, against a bare gRPC server that has no model. */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { oneRow } from "../inputs/fixed-requests.ts";
import { modelFiles } from "../inputs/model-files.ts";
import { hasH2load, runH2load } from "../load/h2load.ts";
import { freePort } from "../machine/started-process.ts";
import type { Side } from "../sample.ts";
import { startMillrace } from "../sides/millrace.ts";
import { type Comparison, cacheFolder, root, type Stage } from "../stage.ts";

const callsInFlight = 64;
const path = "/prediction.PredictionService/Predict";

export const grpc: Comparison = {
  name: "grpc",
  about:
    "4 features a call, 64 in flight on one connection, each server on core 0, h2load on core 1",
  claims: [
    {
      key: "grpc-rate-constant",
      title: "gRPC calls/s against a bare grpc-js constant",
      metric: "perSecond",
      of: "millrace",
      to: "constant",
      as: "ratio",
      goal: { atLeast: 1.5 },
    },
  ],
  async setUp(stage: Stage) {
    if (!hasH2load()) {
      for (const name of ["millrace", "constant"]) stage.skip(name, "h2load is not installed");
      return [];
    }
    const bodyFile = framedRow();
    const port = await freePort();
    const flags = ["--grpc-port", String(port)];
    const models = [modelFiles.customer()];
    await startMillrace(stage, { first: oneRow(), models, cores: "0", flags });
    const constant = await startConstant(stage);
    return [side("millrace", port, bodyFile), side("constant", constant, bodyFile)];
  },
};

function side(name: string, port: number, bodyFile: string): Side {
  return {
    name,
    async measure(seconds) {
      const whole = Math.max(1, Math.round(seconds));
      const load = { port, path, bodyFile, callsInFlight, seconds: whole, cores: "1" };
      const { perSecond, failed } = await runH2load(load);
      return { perSecond, errors: failed };
    },
  };
}

/** A PredictRequest of four floats with its prefix. */
function framedRow(): string {
  const features = Buffer.from(Float32Array.from([42, 18, 79.35, 1_397.475]).buffer);
  const message = Buffer.concat([Buffer.from([0x0a, features.length]), features]);
  const prefix = Buffer.from([0, 0, 0, 0, message.length]);
  const folder = join(cacheFolder, "bodies");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "grpc-row.bin");
  writeFileSync(file, Buffer.concat([prefix, message]));
  return file;
}

async function startConstant(stage: Stage): Promise<number> {
  const port = await freePort();
  await stage.start({
    name: "grpc-constant",
    command: [process.execPath, join(root, "bench/peers/node/grpc-constant.ts")],
    env: { PORT: String(port) },
    cores: "0",
  });
  while (!(await isOpen(port))) await new Promise((done) => setTimeout(done, 50));
  return port;
}

async function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const isUp = await promise;
  socket.destroy();
  return isUp;
}
