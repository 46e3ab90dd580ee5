/**
 * The same rows through each door of a server, the answers in one form, for tests that compare.
 *
 * Written apart from the server's codecs and the project's client: JSON of the platform, the raw
 * tensors of `oip-client`, a foreign gRPC library and a foreign WebSocket.
 */
import { WebSocket } from "ws";
import type { BuiltServer } from "./built-server.ts";
import { GrpcClient, type Plain } from "./grpc-client.ts";
import { ask, openSession, posting } from "./http2-client.ts";
import { bytesOf, type ClientTensor, inferBinary, inferJson, valuesOf } from "./oip-client.ts";
import { callWeb, type WebTerms } from "./web-client.ts";

/** What is asked: one input of several rows. */
export interface DoorQuestion {
  readonly model: string;
  readonly tensor: ClientTensor;
  /** The rows as the simple dialect has them. */
  readonly instances: readonly unknown[];
}

/** What came back, row by row: scores as the 32 bits of each. */
export interface DoorAnswer {
  readonly labels: readonly (number | string)[];
  readonly scores: readonly (readonly number[])[];
}

/** Asks one question through one door. */
export type AskDoor = (server: BuiltServer, question: DoorQuestion) => Promise<DoorAnswer>;

const oip = "inference.GRPCInferenceService";

/**
 * Each door by its name. All rows go in one request: the last bit of a score may depend on the rows
 * that share a run with it, so rows that are batched by chance cannot be compared by bits.
 */
export const doors: Readonly<Record<string, AskDoor>> = {
  "Open Inference Protocol, binary": async ({ url }, { model, tensor }) => {
    const reply = await inferBinary(`${url}/v2/models/${model}/infer`, [tensor]);
    return answerOfTensors(reply.outputs);
  },
  "Open Inference Protocol, JSON": async ({ url }, { model, tensor }) => {
    const reply = await inferJson(`${url}/v2/models/${model}/infer`, [tensor]);
    return answerOfTensors(reply.outputs);
  },
  "simple dialect": async ({ url }, { model, instances }) => {
    const text = await postJson(`${url}/predict?model=${model}`, { instances });
    return answerOfBatch(JSON.parse(text));
  },
  "simple dialect, HTTP/2": async ({ url }, { model, instances }) =>
    answerOfBatch(await postHttp2(url, `/predict?model=${model}`, { instances })),
  "Open Inference Protocol, HTTP/2": async ({ url }, { model, tensor }) => {
    const { values, ...head } = tensor;
    const body = { inputs: [{ ...head, data: values }] };
    return answerOfJson(await postHttp2(url, `/v2/models/${model}/infer`, body));
  },
  "gRPC, raw contents": async (server, question) => {
    const [reply] = await callGrpc(server, `${oip}/ModelInfer`, [rawRequest(question)]);
    return answerOfGrpc(reply ?? {});
  },
  "gRPC, typed contents": async (server, question) => {
    const [reply] = await callGrpc(server, `${oip}/ModelInfer`, [typedRequest(question)]);
    return answerOfGrpc(reply ?? {});
  },
  "gRPC-Web": (server, question) => askWeb(server, rawRequest(question), {}),
  "gRPC-Web, HTTP/2": (server, question) => askWeb(server, rawRequest(question), { isHttp2: true }),
  "gRPC-Web, text": (server, question) => askWeb(server, typedRequest(question), { isText: true }),
  "WebSocket, simple": async ({ url }, { model, instances }) => {
    const message = JSON.stringify({ id: 1, instances });
    const [reply] = await onSocket(`${url}/predict/ws?model=${model}`, [message]);
    return answerOfBatch(JSON.parse(String(reply)));
  },
  "WebSocket, OIP text": async ({ url }, { model, tensor }) => {
    const { values, ...head } = tensor;
    const message = JSON.stringify({ id: "1", inputs: [{ ...head, data: values }] });
    const [reply] = await onSocket(`${url}/v2/models/${model}/ws`, [message]);
    return answerOfJson(JSON.parse(String(reply)));
  },
  "WebSocket, OIP binary": async ({ url }, { model, tensor }) => {
    const [reply] = await onSocket(`${url}/v2/models/${model}/ws`, [binaryMessage(tensor)]);
    return answerOfBinary(reply as Buffer);
  },
  "lines (NDJSON)": async ({ url }, { model, instances }) => {
    const text = await postJson(`${url}/predict/stream?model=${model}`, { instances });
    return answerOfRows(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    );
  },
  "events (SSE)": async ({ url }, { model, instances }) => {
    const accept = "text/event-stream";
    const text = await postJson(`${url}/predict/stream?model=${model}`, { instances }, accept);
    return answerOfRows(dataOf(text, "prediction"));
  },
  "events of tensors": async ({ url }, { model, tensor }) => {
    const { values, ...head } = tensor;
    const body = { inputs: [{ ...head, data: values }] };
    const text = await postJson(`${url}/v2/models/${model}/infer_stream`, body);
    return joinAnswers(dataOf(text, undefined).map((each) => answerOfJson(each as WireReply)));
  },
};

async function postJson(url: string, body: unknown, accept = "*/*"): Promise<string> {
  const headers = { "content-type": "application/json", accept };
  const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${text}`);
  return text;
}

async function askWeb({ grpc }: BuiltServer, asked: Plain, terms: WebTerms): Promise<DoorAnswer> {
  const end = await callWeb(grpc, `${oip}/ModelInfer`, asked, terms);
  if (end.code !== 0) throw new Error(`gRPC-Web: ${end.details}`);
  return answerOfGrpc(end.replies[0] ?? {});
}

/** Over HTTP/2 alone; the answer in the form that its caller knows. */
async function postHttp2<T>(url: string, path: string, body: unknown): Promise<T> {
  const session = openSession(url);
  const text = JSON.stringify(body);
  const reply = await ask(session, posting(path), (stream) => void stream.end(text));
  session.destroy();
  if (reply.status !== 200) throw new Error(`${path}: ${reply.text}`);
  return JSON.parse(reply.text) as T;
}

interface WireReply {
  readonly outputs: readonly (Omit<ClientTensor, "values"> & {
    readonly parameters?: { readonly binary_data_size?: number };
    readonly data?: readonly (number | string)[];
  })[];
}

function answerOfTensors(outputs: readonly ClientTensor[]): DoorAnswer {
  const labels = outputs.find(({ name }) => name === "label")?.values ?? [];
  const scores = outputs.find(({ name }) => name === "probabilities");
  const classes = (scores?.values.length ?? 0) / labels.length;
  return {
    labels: labels.map((label) => (typeof label === "bigint" ? Number(label) : label)),
    scores: labels.map((_, row) =>
      (scores?.values ?? []).slice(row * classes, (row + 1) * classes).map(bits),
    ),
  };
}

function answerOfJson({ outputs }: WireReply): DoorAnswer {
  return answerOfTensors(outputs.map((each) => ({ ...each, values: each.data ?? [] })));
}

function answerOfBatch(body: { predictions: unknown; probabilities: unknown }): DoorAnswer {
  const scores = body.probabilities as number[][];
  return {
    labels: body.predictions as (number | string)[],
    scores: scores.map((row) => row.map(bits)),
  };
}

interface StreamRow {
  readonly index: number;
  readonly prediction: number | string;
  readonly probability: readonly number[];
}

/** Lines come as their rows complete. */
function answerOfRows(rows: readonly unknown[]): DoorAnswer {
  const sorted = (rows as StreamRow[]).toSorted((a, b) => a.index - b.index);
  return {
    labels: sorted.map(({ prediction }) => prediction),
    scores: sorted.map(({ probability }) => probability.map(bits)),
  };
}

function joinAnswers(answers: readonly DoorAnswer[]): DoorAnswer {
  return {
    labels: answers.flatMap(({ labels }) => labels),
    scores: answers.flatMap(({ scores }) => scores),
  };
}

const single = new DataView(new ArrayBuffer(4));

/** The 32 bits of a score. Text holds the shortest digits that name them. */
function bits(value: unknown): number {
  single.setFloat32(0, Number(value));
  return single.getUint32(0);
}

/** The `data` of the events of one kind; of those without a kind for `undefined`. */
function dataOf(text: string, kind: string | undefined): unknown[] {
  const events = text.split("\n\n").map((event) => event.split("\n"));
  const wanted = events.filter((lines) =>
    kind === undefined
      ? !lines.some((line) => line.startsWith("event:"))
      : lines.includes(`event: ${kind}`),
  );
  const data = wanted.map((lines) => lines.find((line) => line.startsWith("data: ")));
  return data.filter((line) => line !== undefined).map((line) => JSON.parse(line.slice(6)));
}

function rawRequest({ model, tensor }: DoorQuestion): Plain {
  const { values, ...head } = tensor;
  return { model_name: model, inputs: [head], raw_input_contents: [bytesOf(tensor)] };
}

function typedRequest({ model, tensor }: DoorQuestion): Plain {
  const { values, ...head } = tensor;
  const contents =
    tensor.datatype === "BYTES"
      ? { bytes_contents: values.map((value) => Buffer.from(String(value))) }
      : { fp32_contents: values };
  return { model_name: model, inputs: [{ ...head, contents }] };
}

async function callGrpc(
  { grpc }: BuiltServer,
  path: string,
  requests: readonly Plain[],
): Promise<Plain[]> {
  const client = new GrpcClient(grpc);
  try {
    const ends = await Promise.all(requests.map((request) => client.call(path, request)));
    const failed = ends.find(({ code }) => code !== 0);
    if (failed !== undefined) throw new Error(`${path}: ${failed.details}`);
    return ends.map(({ reply }) => reply);
  } finally {
    client.close();
  }
}

function answerOfGrpc(reply: Plain): DoorAnswer {
  const heads = reply["outputs"] as { name: string; datatype: string; shape: string[] }[];
  const raw = reply["raw_output_contents"] as Buffer[];
  return answerOfTensors(
    heads.map(({ name, datatype, shape }, index) => ({
      ...{ name, datatype, shape: shape.map(Number) },
      values: valuesOf(raw[index] ?? Buffer.alloc(0), datatype),
    })),
  );
}

/** Sends all messages at once; gives as many replies. */
async function onSocket(
  url: string,
  messages: readonly (string | Buffer)[],
): Promise<(string | Buffer)[]> {
  const socket = new WebSocket(url.replace("http", "ws"));
  const replies: (string | Buffer)[] = [];
  try {
    await new Promise<void>((done, fail) => {
      socket.once("error", fail);
      socket.once("close", (code) => fail(new Error(`${url} was closed with ${code}`)));
      socket.on("open", () => {
        for (const message of messages) socket.send(message);
      });
      socket.on("message", (content: Buffer, isBinary) => {
        replies.push(isBinary ? content : content.toString());
        if (replies.length === messages.length) done();
      });
    });
    return replies;
  } finally {
    socket.terminate();
  }
}

const lengthBytes = 4;

function binaryMessage(tensor: ClientTensor): Buffer {
  const { values, ...head } = tensor;
  const bytes = bytesOf(tensor);
  const json = JSON.stringify({
    id: "1",
    parameters: { binary_data_output: true },
    inputs: [{ ...head, parameters: { binary_data_size: bytes.length } }],
  });
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(Buffer.byteLength(json));
  return Buffer.concat([length, Buffer.from(json), bytes]);
}

function answerOfBinary(message: Buffer): DoorAnswer {
  let at = lengthBytes + message.readUInt32LE(0);
  const { outputs } = JSON.parse(message.toString("utf8", lengthBytes, at)) as WireReply;
  return answerOfTensors(
    outputs.map(({ name, datatype, shape, parameters }) => {
      const size = parameters?.binary_data_size ?? 0;
      const values = valuesOf(message.subarray(at, at + size), datatype);
      at += size;
      return { name, datatype, shape, values };
    }),
  );
}
