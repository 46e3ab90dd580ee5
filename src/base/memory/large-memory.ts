/**
 * Memory for large bodies and large answers that is used again.
 *
 * Fresh memory of a megabyte costs the pages that the system has to find and, because it lies
 * outside of the heap and is counted there, full collections: some six a second at 400 requests
 * of 1 MiB a second, a quarter of the time of a front. So who has read the last byte gives it
 * back. Nothing has to be given back: what is not is collected as ever.
 *
 * Memory is taken back only when all who use it are known: one request, which is what `markSole`
 * says, or several with a part each, which `markShared` says, when the last has given its part
 * back. Memory that was not marked, that was given back already, or that did not come from here, is
 * left alone. Invariants: what lies here is used by nobody; at most `spareBytesMax` in `sparesMax`
 * pieces lie here.
 */

/** Smaller pieces are cheap to make, byte. */
export const largeBytesMin = 32 * 1024;

/** Larger ones would fill the place of many, byte. */
const largeBytesMax = 8 * 1024 * 1024;

const sparesMax = 16;
const spareBytesMax = 16 * 1024 * 1024;
const pageBytes = 64 * 1024;

const spares: ArrayBuffer[] = [];
let spareBytes = 0;
/** Memory that was made here. */
const ours = new WeakSet<ArrayBufferLike>();
/** Memory with one user. */
const sole = new WeakSet<ArrayBufferLike>();
/** Memory with several users: where the parts begin that are still in use, one for each. */
const partsInUse = new WeakMap<ArrayBufferLike, Set<number>>();

/** Memory of at least `bytes`, not zeroed: it may hold what another request sent. */
export function takeLarge(bytes: number): Uint8Array<ArrayBuffer> {
  const place = spares.findIndex(
    (spare) => spare.byteLength >= bytes && spare.byteLength <= 2 * bytes,
  );
  const [spare] = place < 0 ? [] : spares.splice(place, 1);
  if (spare !== undefined) {
    spareBytes -= spare.byteLength;
    return new Uint8Array(spare);
  }
  const made = Buffer.allocUnsafeSlow(Math.ceil(bytes / pageBytes) * pageBytes);
  if (made.length <= largeBytesMax) ours.add(made.buffer);
  return made;
}

/** True for memory from here: marking smaller memory, or that of others, does nothing. */
export function isLarge(memory: ArrayBufferLike): boolean {
  return memory.byteLength >= largeBytesMin && ours.has(memory);
}

/** One request alone uses this memory, and whoever answers it may give it back. */
export function markSole(memory: ArrayBufferLike): void {
  if (isLarge(memory)) sole.add(memory);
}

/**
 * Several requests use this memory, each its own of these parts.
 * REQUIRES: the parts lie in one memory, do not overlap, and nobody looks at the rest of it.
 */
export function markShared(parts: readonly ArrayBufferView[]): void {
  const [first] = parts;
  if (first === undefined || !isLarge(first.buffer)) return;
  // An empty part begins where its neighbour does.
  if (parts.some((part) => part.byteLength === 0 || part.buffer !== first.buffer)) return;
  partsInUse.set(first.buffer, new Set(parts.map((part) => part.byteOffset)));
}

/** True for memory that was marked: no one else reads or writes any of it. */
export function isSole(memory: ArrayBufferLike): boolean {
  return sole.has(memory);
}

/** The last byte was read. REQUIRES: nobody looks at `part` any more, if it was marked. */
export function giveBackLarge(part: ArrayBufferView): void {
  const { buffer } = part;
  if (buffer.byteLength < largeBytesMin || !(buffer instanceof ArrayBuffer)) return;
  if (!sole.delete(buffer) && !isLast(part)) return;
  while (spares.length >= sparesMax || spareBytes + buffer.byteLength > spareBytesMax) {
    spareBytes -= spares.shift()?.byteLength ?? 0;
  }
  spares.push(buffer);
  spareBytes += buffer.byteLength;
}

/** True when it was in use, and no other part is. */
function isLast({ buffer, byteOffset, byteLength }: ArrayBufferView): boolean {
  const used = partsInUse.get(buffer);
  if (used === undefined || byteLength === 0 || !used.delete(byteOffset)) return false;
  return used.size === 0 && partsInUse.delete(buffer);
}
