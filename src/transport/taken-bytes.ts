/**
 * What a reader has taken of a connection, also while one large write is on its way.
 *
 * A socket of Node counts a write once all of it has left, so a reader who takes a large reply in
 * small steps would seem to take nothing. The system's side of the socket knows better; over TLS
 * that is the side of the connection below it.
 */
/** Node's own, which knows what the system has taken of a write that is not over. */
interface HandledSocket {
  /** The connection that a secure one lies on. */
  readonly _parent?: HandledSocket | null;
  readonly _handle?: { readonly bytesWritten: number; readonly writeQueueSize: number } | null;
}

/** Bytes of a socket of Node that have left so far; `undefined` once the connection is over. */
export function takenBytes(socket: object): number | undefined {
  const own = socket as HandledSocket;
  const { _handle: handle } = own._parent ?? own;
  if (handle === undefined || handle === null) return undefined;
  return handle.bytesWritten - handle.writeQueueSize;
}
