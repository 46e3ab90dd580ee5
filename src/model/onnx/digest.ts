/**
 * The digest of a package: SHA-256 over everything that decides what the version answers.
 *
 * Each part is preceded by its name and its length, so that moving bytes from one file to another
 * changes the digest. Files are read in pieces, so that a large model neither fills memory nor
 * holds up the loop.
 */
import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Bytes hashed in one turn of the loop. */
const pieceBytes = 4 * 1024 * 1024;

export class PackageDigest {
  readonly #hash: Hash = createHash("sha256");

  /** Adds a part that lies in memory. */
  async addBytes(name: string, bytes: Uint8Array): Promise<void> {
    this.#begin(name, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
      if (at > 0) await nextTurn();
      this.#hash.update(bytes.subarray(at, at + pieceBytes));
    }
  }

  /** Adds an open file from its start; `bytes` is its size. */
  async addFile(name: string, handle: FileHandle, bytes: number): Promise<void> {
    this.#begin(name, bytes);
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, bytes)));
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength, at);
      if (bytesRead === 0) break;
      this.#hash.update(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  /** Lower-case hexadecimal, 64 characters. REQUIRES: called once, last. */
  hex(): string {
    return this.#hash.digest("hex");
  }

  #begin(name: string, bytes: number): void {
    this.#hash.update(`${JSON.stringify(name)} ${bytes}\n`);
  }
}
