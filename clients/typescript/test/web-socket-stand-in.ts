/**
 * A small WebSocket server for tests (RFC 6455: text frames, close; no fragments, no extensions).
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

/** One connection of a client. */
export interface StandInPeer {
  /** Of the request line: `/predict/ws?model=churn`. */
  readonly path: string;
  /** Number of the connection, from 1. */
  readonly number: number;
  send(text: string): void;
  close(code: number): void;
  /** Breaks the connection off without a close frame. */
  destroy(): void;
}

const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Starts it; `act` gets each text frame. Ends with the test. */
export async function webSocketStandIn(
  act: (peer: StandInPeer, text: string) => void,
): Promise<{ url: string }> {
  let connections = 0;
  const sockets = new Set<Socket>(); // one entry per connection of a test
  const server: Server = createServer((_, response) => response.writeHead(426).end());
  server.on("upgrade", (request, socket: Socket) => {
    sockets.add(socket);
    connections += 1;
    const key = `${request.headers["sec-websocket-key"]}${acceptSuffix}`;
    const accept = createHash("sha1").update(key).digest("base64");
    const head =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
    socket.write(`${head}sec-websocket-accept: ${accept}\r\n\r\n`);
    const peer = peerOf(socket, request.url ?? "", connections);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = takeFrames(Buffer.concat([rest, chunk]), (text) => act(peer, text));
    });
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function peerOf(socket: Socket, path: string, number: number): StandInPeer {
  return {
    path,
    number,
    send: (text) => void socket.write(frame(1, Buffer.from(text))),
    close(code) {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      socket.end(frame(8, payload));
    },
    destroy: () => void socket.destroy(),
  };
}

function frame(opcode: number, payload: Buffer): Buffer {
  const isLong = payload.length > 125;
  const head = Buffer.alloc(isLong ? 4 : 2);
  head[0] = 0x80 | opcode;
  head[1] = isLong ? 126 : payload.length;
  if (isLong) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** Hands out the whole text frames of `bytes` and gives back what is left. */
function takeFrames(bytes: Buffer, act: (text: string) => void): Buffer {
  let rest = bytes;
  for (;;) {
    const isLong = (rest[1] ?? 0) === (0x80 | 126);
    const start = (isLong ? 4 : 2) + 4;
    if (rest.length < start) return rest;
    const length = isLong ? rest.readUInt16BE(2) : (rest[1] ?? 0) & 0x7f;
    if (rest.length < start + length) return rest;
    const mask = rest.subarray(start - 4, start);
    const payload = rest
      .subarray(start, start + length)
      .map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    if (((rest[0] ?? 0) & 0x0f) === 1) act(Buffer.from(payload).toString("utf8"));
    rest = rest.subarray(start + length);
  }
}
