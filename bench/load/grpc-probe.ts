/**
 * Asks a gRPC server once, because `h2load` counts a refusal, which is HTTP 200, as an answer.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import type { GrpcRequest } from "../inputs/grpc-requests.ts";

/** Gives the bytes of the reply. @throws Error with the status when it is not OK */
export async function probeGrpc(port: number, request: GrpcRequest): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  session.once("error", reject);
  const stream = session.request({
    ...{ ":method": "POST", ":path": request.path },
    ...{ "content-type": "application/grpc", te: "trailers" },
  });
  let bytes = 0;
  let status: unknown = "none";
  let words: unknown = "";
  const note = (headers: { [name: string]: unknown }): void => {
    status = headers["grpc-status"] ?? status;
    words = headers["grpc-message"] ?? words;
  };
  stream.on("response", note);
  stream.on("trailers", note);
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  stream.once("error", reject);
  stream.once("close", () => {
    if (status === "0") resolve(bytes);
    else reject(new Error(`${request.path} ended with gRPC status ${status}: ${words}`));
  });
  stream.end(readFileSync(request.bodyFile));
  try {
    return await promise;
  } finally {
    session.close();
  }
}
