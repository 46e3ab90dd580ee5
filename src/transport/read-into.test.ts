// Goal: an accepted socket reads into the memory that it was given, from the first read on, and its
// end and pauses work as ever. Method: a real connection; what was read is compared.
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { readInto } from "./read-into.ts";

/** Both ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true }, resolve);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const far = connect(port, "127.0.0.1");
  return { near: await promise, far, close: () => void server.close() };
}

test("what is read lies in the given memory, up to the end", async () => {
  const { near, far, close } = await pair();
  const memory = Buffer.alloc(64 * 1024);
  const read: Buffer[] = [];
  const given = readInto(near, memory, (bytes) => {
    read.push(Buffer.from(memory.subarray(0, bytes)));
    if (read.length > 1) return;
    near.pause();
    setImmediate(() => near.resume());
  });
  expect(given).toBe(true);
  const ended = new Promise<void>((done) => near.once("end", done));
  let isFed = false;
  near.on("data", () => {
    isFed = true;
  });
  near.resume();
  const sent = Buffer.alloc(1_000_000);
  for (let at = 0; at < sent.length; at += 1) sent[at] = at % 251;
  far.end(sent);
  await ended;
  expect(isFed).toBe(false);
  expect(Buffer.compare(Buffer.concat(read), sent)).toBe(0);
  near.destroy();
  close();
});

test("leaves a socket alone that has no handle of the system", async () => {
  const { near, far, close } = await pair();
  near.destroy();
  far.destroy();
  expect(readInto(near, Buffer.alloc(8), () => {})).toBe(false);
  close();
});
