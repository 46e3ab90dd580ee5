/**
 * What a connection needs of a socket, so that a test can put one in memory under it.
 */

/** Node's sockets are such. */
export interface CallerSocket {
  readonly writable: boolean;
  /** Bytes that the system has not taken. */
  readonly writableLength: number;
  readonly destroyed: boolean;
  /** Calls `taken` once the system has the bytes. */
  write(bytes: Uint8Array, taken: () => void): void;
  cork(): void;
  uncork(): void;
  pause(): void;
  resume(): void;
  isPaused(): boolean;
  /** Ends it once all was taken. */
  destroySoon(): void;
  destroy(): void;
  on(event: "data", hear: (bytes: Buffer) => void): void;
  on(event: "drain" | "error", hear: () => void): void;
  once(event: "end" | "close", hear: () => void): void;
}
