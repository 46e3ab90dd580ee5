/**
 * REST over HTTP/2, in cleartext and inside TLS, and gRPC-Web over both versions of HTTP.
 */
import type { Plain } from "../grpc-client.ts";
import { ask, openSession, posting } from "../http2-client.ts";
import { bytesOf } from "../oip-client.ts";
import { callWeb, type WebTerms } from "../web-client.ts";
import type { Door, Servers } from "./door.ts";
import { exactText, parseExact } from "./exact-json.ts";
import { noJson, type Question, Refused, rowParts, tensorParts } from "./question.ts";
import { batchParts, rows, simpleBody } from "./row-doors.ts";
import {
  binaryHead,
  binaryParts,
  grpcParts,
  jsonParts,
  jsonRequest,
  rawRequest,
} from "./tensor-doors.ts";

type Which = (servers: Servers) => { readonly url: string; readonly ca?: Buffer | undefined };

const all = ({ truth }: Question) => tensorParts(truth);
const anything = (): undefined => undefined;

interface Sent {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Posts over HTTP/2 alone. @throws Refused */
async function post(which: ReturnType<Which>, { path, headers, body }: Sent) {
  const { url, ca } = which;
  const session = openSession(url, ca === undefined ? {} : { ca });
  const heard = await ask(session, posting(path, headers), (stream) => void stream.end(body));
  session.destroy();
  if (heard.status === 200) return heard;
  throw new Refused(String(heard.headers["x-error-code"] ?? heard.status), heard.text);
}

function restDoors(name: string, which: Which): Readonly<Record<string, Door>> {
  return {
    [`${name}, JSON`]: {
      cannot: ({ inputs, truth }) => noJson([...inputs, ...truth]),
      wanted: all,
      ask: async (servers, { model, inputs }) => {
        const body = exactText(jsonRequest(inputs));
        const heard = await post(which(servers), { path: `/v2/models/${model}/infer`, body });
        return jsonParts(parseExact(heard.text));
      },
    },
    [`${name}, binary`]: {
      ...{ cannot: anything, wanted: all },
      ask: async (servers, { model, inputs }) => {
        const text = Buffer.from(binaryHead(inputs));
        const { headers, bytes } = await post(which(servers), {
          path: `/v2/models/${model}/infer`,
          headers: {
            "content-type": "application/octet-stream",
            "inference-header-content-length": String(text.length),
          },
          body: Buffer.concat([text, ...inputs.map(bytesOf)]),
        });
        const size = headers["inference-header-content-length"] ?? bytes.length;
        return binaryParts(bytes, 0, Number(size));
      },
    },
    [`${name}, simple`]: {
      ...{ cannot: rows, wanted: rowParts },
      ask: async (servers, question) => {
        const body = exactText(simpleBody(question));
        const path = `/predict?model=${question.model}`;
        return batchParts(parseExact((await post(which(servers), { path, body })).text) as Plain);
      },
    },
  };
}

const webDoor = (terms: WebTerms): Door => ({
  ...{ cannot: anything, wanted: all },
  ask: async ({ main }, question) => {
    const path = "inference.GRPCInferenceService/ModelInfer";
    const end = await callWeb(main.grpc, path, rawRequest(question), terms);
    if (end.code === 0) return grpcParts(end.replies[0] ?? {});
    throw new Refused(end.trailers["x-error-code"] ?? String(end.code), end.details);
  },
});

/** Each by its name; those inside TLS want a server that has it. */
export const http2Doors: Readonly<Record<string, Door>> = {
  ...restDoors("REST, HTTP/2", ({ main }) => main),
  "gRPC-Web": webDoor({}),
  "gRPC-Web, text": webDoor({ isText: true }),
  "gRPC-Web, HTTP/2": webDoor({ isHttp2: true }),
  "gRPC-Web, HTTP/2, text": webDoor({ isHttp2: true, isText: true }),
};

/** The same inside TLS. REQUIRES: `servers.secure`. */
export const tlsDoors: Readonly<Record<string, Door>> = restDoors("REST, TLS", ({ secure }) => {
  if (secure === undefined) throw new Error("no server with TLS was started");
  return secure;
});
