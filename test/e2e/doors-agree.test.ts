// Goal: REST, gRPC and gRPC-Web, over both versions of HTTP, say the same to the same request,
// right or wrong. Method: random requests, of which many have a fault, through each door of one
// built server; answers are compared bit by bit, refusals by their code. One at a time: in which
// batch a row runs may change the last bits of its answer (ONNX Runtime computes whole vectors
// and their rest differently), and this is about the doors. A failure prints the seed that
// replays it.

import type { ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltServer, post, root, startBuilt } from "../support/built-server.ts";
import { GrpcClient, type Plain } from "../support/grpc-client.ts";
import { ask, openSession, posting } from "../support/http2-client.ts";
import { callWeb, type WebTerms } from "../support/web-client.ts";

const isFull = process.env["MILLRACE_TEST_FULL"] !== undefined;
const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 20_261_127);
const count = isFull ? 10_000 : 600;
let server: BuiltServer;
let client: GrpcClient;
let session: ClientHttp2Session;

beforeAll(async () => {
  server = await startBuilt([join(root, "models")]);
  client = new GrpcClient(server.grpc);
  session = openSession(server.url);
});

afterAll(async () => {
  client?.close();
  session?.destroy();
  await server?.stop("SIGKILL");
});

/** One request in both spellings. */
interface Pair {
  readonly model: string;
  readonly version: string;
  readonly rest: object;
  readonly grpc: Plain;
}

type Draw = (below: number) => number;

function drawFrom(start: number): Draw {
  let state = start >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function pick<T>(draw: Draw, values: readonly T[]): T {
  return values[draw(values.length)] as T;
}

const faults = [
  ...["model", "version", "shape", "count", "value", "name", "datatype", "twice"],
  ...["output", "parameter", "none", "none", "none", "none", "none"],
] as const;

/** At most one fault: which of several is named first is no promise. */
function makePair(draw: Draw): Pair {
  const fault = pick(draw, faults);
  const odd = (kind: (typeof faults)[number]): boolean => kind === fault;
  const model = odd("model") ? "nobody" : "churn";
  const version = odd("version") ? "9.9.9" : pick(draw, ["", "1.0.0"]);
  const items = 1 + draw(4);
  const shape = odd("shape")
    ? pick(draw, [[4], [items, 5], [items, 4, 1], [0, 4], [-1, 4]])
    : [items, 4];
  const elements = shape.reduce((product, size) => product * Math.max(0, size), 1);
  const values = Array.from({ length: odd("count") ? elements + 1 : elements }, () =>
    odd("value") ? -5_000 + 0.5 : draw(80),
  );
  const name = odd("name") ? "feature" : "features";
  const datatype = odd("datatype") ? pick(draw, ["FP64", "INT32", "FP23"]) : "FP32";
  const inputs = [{ name, datatype, shape }];
  if (odd("twice")) inputs.push({ name, datatype, shape });
  const outputs = pick(draw, [[], ["probabilities"], ["probabilities", "label"]]).map((each) => ({
    name: odd("output") ? "score" : each,
  }));
  const parameters: Record<string, number> = odd("parameter") ? { triton_x: 1 } : {};
  const list = datatype === "FP64" ? "fp64_contents" : "fp32_contents";
  const contents = datatype === "INT32" ? { int_contents: values.map(Math.trunc) } : {};
  const asParameter = ([key, value]: [string, number]): [string, object] => [
    key,
    { int64_param: value },
  ];
  return {
    model,
    version,
    rest: {
      ...{ id: "1", parameters },
      inputs: inputs.map((each) => ({
        ...each,
        data: datatype === "INT32" ? values.map(Math.trunc) : values,
      })),
      ...(outputs.length === 0 ? {} : { outputs }),
    },
    grpc: {
      ...{ model_name: model, model_version: version, id: "1", outputs },
      parameters: Object.fromEntries(Object.entries(parameters).map(asParameter)),
      inputs: inputs.map((each) => ({
        ...each,
        contents: datatype === "INT32" ? contents : { [list]: values },
      })),
    },
  };
}

async function askRest({ model, version, rest }: Pair): Promise<unknown> {
  const place = version === "" ? model : `${model}/versions/${version}`;
  const { body } = await post(`${server.url}/v2/models/${place}/infer`, rest);
  return answerOfRest(body);
}

function answerOfRest(body: unknown): unknown {
  const reply = body as {
    code?: string;
    outputs: { name: string; shape: number[]; data: number[] }[];
  };
  if (reply.code !== undefined) return reply.code;
  return reply.outputs.map(({ name, shape, data }) => ({ name, shape, data }));
}

const inferPath = "inference.GRPCInferenceService/ModelInfer";

async function askGrpc({ grpc }: Pair): Promise<unknown> {
  const end = await client.call(inferPath, grpc);
  return end.code === 0 ? answerOf(end.reply) : end.trailers["x-error-code"];
}

/** REST over HTTP/2, on one connection for all. */
async function askHttp2({ model, version, rest }: Pair): Promise<unknown> {
  const place = version === "" ? model : `${model}/versions/${version}`;
  const head = posting(`/v2/models/${place}/infer`);
  const { text } = await ask(session, head, (stream) => void stream.end(JSON.stringify(rest)));
  return answerOfRest(JSON.parse(text));
}

async function askWeb({ grpc }: Pair, terms: WebTerms): Promise<unknown> {
  const end = await callWeb(server.grpc, inferPath, grpc, terms);
  return end.code === 0 ? answerOf(end.replies[0] ?? {}) : end.trailers["x-error-code"];
}

function answerOf(reply: Plain): unknown {
  const outputs = reply["outputs"] as { name: string; datatype: string; shape: string[] }[];
  const raw = reply["raw_output_contents"] as Buffer[];
  return outputs.map(({ name, datatype, shape }, index) => {
    const bytes = new Uint8Array(raw[index] ?? Buffer.alloc(0));
    const data =
      datatype === "INT64"
        ? Array.from(new BigInt64Array(bytes.buffer), Number)
        : Array.from(new Float32Array(bytes.buffer));
    return { name, shape: shape.map(Number), data };
  });
}

/** REST writes the shortest digits that name a float; both read back to the same float. */
function asFloats(answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer;
  return answer.map((each: { data: number[] }) => ({ ...each, data: each.data.map(Math.fround) }));
}

test(`${count} random requests have the same answer or code (seed ${seed})`, async () => {
  const draw = drawFrom(seed);
  const seen = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const pair = makePair(draw);
    const [rest, grpc] = [await askRest(pair), await askGrpc(pair)];
    const story = `${JSON.stringify(pair)} (seed ${seed})`;
    expect(asFloats(grpc), story).toEqual(asFloats(rest));
    const terms = { isText: index % 2 === 1, isHttp2: index % 4 > 1 };
    expect(await askWeb(pair, terms), story).toEqual(grpc);
    expect(await askHttp2(pair), story).toEqual(rest);
    const key = typeof rest === "string" ? rest : "OK";
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining(["OK", "INVALID_INPUT", "MODEL_NOT_FOUND", "VERSION_NOT_FOUND"]),
  );
}, 900_000);
