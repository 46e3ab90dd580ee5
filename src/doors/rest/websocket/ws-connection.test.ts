// Goal: a reader that takes a large message slowly is seen to take it. Method: one message over a
// bare socket that is read in steps.
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { Handshakes, type SocketConnection } from "./ws-connection.ts";

const messageBytes = 32 * 1024 * 1024;
const stepBytes = 8 * 1024 * 1024;
const server = createServer();
let caller: Socket | undefined;

afterEach(() => {
  caller?.destroy();
  server.closeAllConnections();
  server.close();
});

async function open(): Promise<SocketConnection> {
  const { promise, resolve } = Promise.withResolvers<SocketConnection>();
  const events = { message() {}, heard() {}, broken() {}, closed() {} };
  server.on("upgrade", (request, socket, head) => {
    const upgrade = { request, socket: socket as Socket, head };
    new Handshakes(1_024).accept(upgrade, (connection) => {
      resolve(connection);
      return events;
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  caller = connect((server.address() as AddressInfo).port, "127.0.0.1");
  caller.write(
    "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  return await promise;
}

test("counts what the reader takes of a message before it has all of it", async () => {
  const connection = await open();
  const reader = caller as Socket;
  let read = 0;
  reader.on("data", (bytes) => {
    read += bytes.length;
    if (read >= stepBytes) reader.pause();
  });
  connection.sendBinary([Buffer.alloc(messageBytes)], () => {});
  await vi.waitFor(() => expect(read).toBeGreaterThanOrEqual(stepBytes), 10_000);
  await vi.waitFor(() => expect(connection.takenBytes).toBeGreaterThanOrEqual(stepBytes), 10_000);
  expect(connection.unreadBytes).toBeGreaterThan(0);
  expect(connection.takenBytes).toBeLessThan(messageBytes);
});
