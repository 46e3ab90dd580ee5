/**
 * Reads the Huffman code of HPACK (RFC 7541, appendix B), eight bits at a step.
 *
 * The code is canonical: symbols of one length are numbered in order, so the lengths alone say it
 * all and the table is made of them at the start. Only reading: what is written goes out plain,
 * because that is faster here and the replies are short.
 */

/** Bits of each symbol from 0 to 256, one digit of base 36 each; the last ends a text. */
const lengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";

const endSymbol = 256;
const stepBits = 8;
const lengthBits = 5;
const lengthMask = 31;

/**
 * Tables of 256 entries one after the other. An entry is 0 for no code, `symbol << 5 | bits + 1`
 * (bits of this step) for a symbol, and the negative start of another table for a longer code.
 */
const steps = makeSteps();

function makeSteps(): Int32Array {
  const table: number[] = new Array<number>(256).fill(0);
  let code = 0;
  for (let bits = 1; bits <= 30; bits += 1) {
    code *= 2;
    for (let symbol = 0; symbol <= endSymbol; symbol += 1) {
      if (Number.parseInt(lengths.charAt(symbol), 36) !== bits) continue;
      if (symbol !== endSymbol) addSymbol(table, symbol, { code, bits });
      code += 1;
    }
  }
  return Int32Array.from(table);
}

function addSymbol(table: number[], symbol: number, of: { code: number; bits: number }): void {
  let { bits } = of;
  let start = 0;
  while (bits > stepBits) {
    bits -= stepBits;
    const at = start + ((of.code >>> bits) & 0xff);
    if (table[at] === 0) {
      table[at] = -table.length;
      for (let index = 0; index < 256; index += 1) table.push(0);
    }
    start = -(table[at] ?? 0);
  }
  const spare = stepBits - bits;
  const first = start + ((of.code << spare) & 0xff);
  const entry = (symbol << lengthBits) | (bits + 1);
  for (let index = 0; index < 1 << spare; index += 1) table[first + index] = entry;
}

/**
 * The text of a coded string, one character a byte.
 * @returns `undefined` when the bytes are no such code, or padded otherwise than by ones
 */
export function readHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  const out = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5));
  let length = 0;
  let bits = 0;
  let have = 0;
  let since = 0;
  let start = 0;
  for (let at = from; at < to; at += 1) {
    bits = ((bits << 8) | (bytes[at] as number)) & 0xffffff;
    have += 8;
    since += 8;
    while (have >= stepBits) {
      const entry = steps[start + ((bits >>> (have - stepBits)) & 0xff)] as number;
      if (entry === 0) return undefined;
      if (entry < 0) {
        start = -entry;
        have -= stepBits;
        continue;
      }
      out[length++] = entry >>> lengthBits;
      have -= (entry & lengthMask) - 1;
      start = 0;
      since = have;
    }
  }
  while (have > 0) {
    const entry = steps[start + ((bits << (stepBits - have)) & 0xff)] as number;
    const used = (entry & lengthMask) - 1;
    if (entry <= 0 || used > have) break;
    out[length++] = entry >>> lengthBits;
    have -= used;
    start = 0;
    since = have;
  }
  // What is left is the start of the code that ends a text: less than a byte of ones.
  const mask = (1 << have) - 1;
  if (since > 7 || (bits & mask) !== mask) return undefined;
  return out.toString("latin1", 0, length);
}
