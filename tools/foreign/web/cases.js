/**
 * Calls by libraries of gRPC-Web that others wrote, the same in Node and in a page: `connect-web` in
 * its binary form, and in a page also `grpc-web` (it wants XMLHttpRequest) in both forms.
 *
 * Messages are those of the published protos, read from their descriptors, so nothing is generated.
 */
import { createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const row = [45, 12, 79.5, 954];

function inferRequest(model, rows) {
  const contents = { fp32Contents: Array.from({ length: rows }, () => row).flat() };
  const input = { name: "features", datatype: "FP32", shape: [BigInt(rows), 4n], contents };
  return { modelName: model, inputs: [input] };
}

function must(isTrue, what) {
  if (!isTrue) throw new Error(what);
}

const caseMsMax = 5_000;

function late() {
  return new Promise((_, fail) => {
    setTimeout(() => fail(new Error(`no end in ${caseMsMax} ms`)), caseMsMax);
  });
}

/** Runs each case; gives `[name, "" or what went wrong]` of each. */
async function runAll(cases) {
  const lines = [];
  for (const [name, run] of cases) {
    try {
      await Promise.race([run(), late()]);
      lines.push([name, ""]);
    } catch (thrown) {
      lines.push([name, String(thrown)]);
    }
  }
  return lines;
}

export async function connectWeb(baseUrl, descriptors) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const transport = createGrpcWebTransport({ baseUrl });
  const oip = createClient(registry.getService("inference.GRPCInferenceService"), transport);
  const health = createClient(registry.getService("grpc.health.v1.Health"), transport);
  return await runAll([
    ["ServerLive", async () => must((await oip.serverLive({})).live, "not live")],
    [
      "ModelInfer of 1,000 rows",
      async () => {
        const reply = await oip.modelInfer(inferRequest("churn", 1_000));
        must(reply.outputs[0].shape[0] === 1_000n, "not 1,000 rows");
        must(reply.rawOutputContents[0].length === 8_000, "not 8,000 bytes of labels");
      },
    ],
    ["health Check", async () => must((await health.check({})).status === 1, "not serving")],
    [
      "health Watch until it is left",
      async () => {
        const leaving = new AbortController();
        for await (const { status } of health.watch({}, { signal: leaving.signal })) {
          must(status === 1, "not serving");
          break;
        }
        leaving.abort();
      },
    ],
    [
      "an unknown model is NOT_FOUND",
      async () => {
        const error = await oip.modelInfer(inferRequest("nobody", 1)).catch((thrown) => thrown);
        must(error.code === 5 && error.rawMessage.includes("nobody"), `${error}`);
        must(error.metadata.get("x-error-code") === "MODEL_NOT_FOUND", "no x-error-code");
      },
    ],
    [
      "a stream of requests is not sent by the library, or refused",
      async () => {
        const stream = oip.modelStreamInfer(
          (async function* () {
            yield inferRequest("churn", 1);
          })(),
        );
        const error = await (async () => {
          for await (const _ of stream) return "answered";
          return "ended";
        })().catch((thrown) => thrown);
        must(error.code === 12 || `${error}`.includes("streaming request"), `${error}`);
      },
    ],
    [
      "a deadline of 1 ms in a call of many rows",
      async () => {
        const call = oip.modelInfer(inferRequest("churn", 9_000), { timeoutMs: 1 });
        const error = await call.catch((thrown) => thrown);
        must(error.code === 4, `${error}`);
      },
    ],
  ]);
}

/** @param library the module `grpc-web` */
export async function grpcWeb(library, { baseUrl, descriptors, format }) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const client = new library.GrpcWebClientBase({ format });
  const describe = (service, method) => {
    const { input, output } = registry
      .getService(service)
      .methods.find(({ name }) => name === method);
    const kind =
      method === "Watch" ? library.MethodType.SERVER_STREAMING : library.MethodType.UNARY;
    const write = (message) => toBinary(input, message);
    const read = (bytes) => fromBinary(output, bytes);
    const path = `/${service}/${method}`;
    const none = class {};
    return new library.MethodDescriptor(path, kind, none, none, write, read);
  };
  const call = (service, method, message) =>
    client.unaryCall(
      ...[`${baseUrl}/${service}/${method}`, message, {}, describe(service, method)],
    );
  const { create } = await import("@bufbuild/protobuf");
  const make = (name, fields) => create(registry.getMessage(name), fields);
  const infer = (model, rows) => make("inference.ModelInferRequest", inferRequest(model, rows));
  const oip = "inference.GRPCInferenceService";
  const health = "grpc.health.v1.Health";
  const asked = make("grpc.health.v1.HealthCheckRequest", {});
  // In its binary form the library hands messages on when the reply is over; a watch has no end.
  const watch = [
    "health Watch until it is left",
    () =>
      new Promise((done, fail) => {
        const url = `${baseUrl}/${health}/Watch`;
        const stream = client.serverStreaming(url, asked, {}, describe(health, "Watch"));
        stream.on("error", fail);
        stream.on("data", ({ status }) => {
          stream.cancel();
          if (status === 1) done();
          else fail(new Error(`status ${status}`));
        });
      }),
  ];
  return await runAll([
    [
      "ModelInfer of 1,000 rows",
      async () => {
        const reply = await call(oip, "ModelInfer", infer("churn", 1_000));
        must(reply.rawOutputContents[0].length === 8_000, "not 8,000 bytes of labels");
      },
    ],
    ["health Check", async () => must((await call(health, "Check", asked)).status === 1, "")],
    ...(format === "text" ? [watch] : []),
    [
      "an unknown model is NOT_FOUND",
      async () => {
        const error = await call(oip, "ModelInfer", infer("nobody", 1)).catch((thrown) => thrown);
        must(error.code === 5 && error.message.includes("nobody"), `${error}`);
      },
    ],
  ]);
}
