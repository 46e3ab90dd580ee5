/**
 * Lets an accepted socket read into memory that is given once, instead of new memory for each read.
 *
 * A read of Node allocates 64 KiB, shrinks them, wraps them and sends them through a stream; a
 * caller who writes frames of 16 KiB makes some 40 reads for 1 MiB. Node has a way around that,
 * `onread`, but only for sockets that connect (nodejs.org/api/net.html). This sets the same three
 * places on a socket that was accepted. They are Node's own, so each is looked for, and where one
 * is missing nothing is changed and the socket is read as ever. Rejected: a wrapper around the
 * handle as a second socket; the server then counts connections that are gone.
 */
import type { Socket } from "node:net";

/** What Node keeps on a socket for `onread`. */
interface Places {
  readonly memory: symbol;
  readonly taken: symbol;
}

/** The handle of the system's socket under one of Node. */
interface Handle {
  useUserBuffer(memory: Uint8Array): void;
}

/** `undefined` before the first look, null where this Node has other places. */
let places: Places | null | undefined;

/**
 * From now on what is read lies at the start of `memory`, and `take` is told how many bytes it is.
 *
 * REQUIRES: `take` reads it before it returns; what was read before comes as "data" as ever.
 * @returns false where the socket cannot do that (TLS, another Node); nothing was done then
 */
export function readInto(
  socket: Socket,
  memory: Uint8Array,
  take: (bytes: number) => void,
): boolean {
  if ("encrypted" in socket) return false;
  if (places === undefined) places = placesOf(socket);
  const handle = Reflect.get(socket, "_handle") as Handle | null | undefined;
  if (places === null || typeof handle?.useUserBuffer !== "function") return false;
  Reflect.set(socket, places.memory, memory);
  Reflect.set(socket, places.taken, (count: number) => take(count));
  handle.useUserBuffer(memory);
  return true;
}

function placesOf(socket: Socket): Places | null {
  const symbols = Object.getOwnPropertySymbols(socket);
  const memory = symbols.find((symbol) => symbol.description === "kBuffer");
  const taken = symbols.find((symbol) => symbol.description === "kBufferCb");
  return memory === undefined || taken === undefined ? null : { memory, taken };
}
