/**
 * The shortest decimal text that reads back as the same float32.
 *
 * `String(value)` prints the double that holds the float32: 17 digits where 7 to 9 do. Here 6, 7,
 * 8, then 9 digits are tried: the first whole number over a power of ten that lies nearer than
 * half the way to the next float32. Both are exact doubles, so their quotient is what
 * `Number(text)` would give, and `Math.fround` of it proves the find. Sizes outside [1e-14, 1e9)
 * do the same with `toPrecision`, slowly. Every size is positive and finite here.
 */

/** Bytes that one float32 needs at most (`-1.17549435e-38`, rounded up). */
export const float32BytesMax = 24;

const digitsMin = 6;
const digitsMax = 9;
const fastMin = 1e-14;
const fastMax = 1e9;
/** Smaller numbers are written with an exponent, as `String` does. */
const plainMin = 1e-6;

const powersOfTen = new Float64Array(23);
for (let power = 0; power < powersOfTen.length; power += 1) {
  powersOfTen[power] = Number(`1e${power}`);
}
const zeros = ["", "0", "00", "000", "0000", "00000", "000000"];

/** Half the distance between neighbours, by the exponent of the float32 (-47 and above). */
const exponentsBelow = 47;
const halfSteps = Float64Array.from(
  { length: 78 },
  (_, index) => 2 ** (index - exponentsBelow - 24),
);

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The text of a finite float32. */
export function float32Text(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const size = Math.abs(value);
  const text = size < fastMax && Math.trunc(size) === size ? String(size) : sizeText(size);
  return value < 0 ? `-${text}` : text;
}

function sizeText(size: number): string {
  if (size < fastMin || size >= fastMax) return slowText(size);
  const whole = shortest(size);
  const places = lastPlaces;
  const scale = powersOfTen[places] as number;
  if (size < plainMin) return String(whole / scale);
  const front = Math.trunc(whole / scale);
  const behind = String(whole - front * scale);
  return `${front}.${padding(places - behind.length)}${behind}`;
}

function padding(count: number): string {
  return zeros[count] ?? "0".repeat(count);
}

/**
 * Writes a finite float32 as ASCII at `from`; the offset after it.
 * REQUIRES: room for `float32BytesMax` bytes.
 */
export function writeFloat32(target: Uint8Array, from: number, value: number): number {
  let at = from;
  if (value < 0) {
    target[at] = 0x2d;
    at += 1;
  }
  const size = Math.abs(value);
  if (size < fastMax && Math.trunc(size) === size) {
    return size === 0 ? writeAscii(target, at, float32Text(value)) : writeWhole(target, at, size);
  }
  if (size < plainMin || size >= fastMax) return writeAscii(target, at, sizeText(size));
  const whole = shortest(size);
  const places = lastPlaces;
  const scale = powersOfTen[places] as number;
  const front = Math.trunc(whole / scale);
  at = writeWhole(target, at, front);
  target[at] = 0x2e;
  at += 1;
  let rest = (whole - front * scale) | 0;
  const to = at + places;
  for (let place = to - 1; place >= at; place -= 1) {
    const tenth = (rest / 10) | 0;
    target[place] = 48 + rest - tenth * 10;
    rest = tenth;
  }
  return to;
}

/** Places behind the point of what `shortest` found last: a second result without an object. */
let lastPlaces = 0;

/**
 * The shortest whole number over a power of ten; its places are in `lastPlaces`.
 * REQUIRES: a size with a fraction, within the fast range.
 */
function shortest(size: number): number {
  float[0] = size;
  const exponent = ((bits[0] as number) >>> 23) - 127;
  // floor(exponent * log10(2)) is right or one too small.
  const least = (exponent * 1233) >> 12;
  const power = size >= powerOfTen(least + 1) ? least + 1 : least;
  const places = digitsMax - 1 - power;
  const scale = powersOfTen[places] as number;
  // Nine digits, and how far from them the neighbours of the float32 begin.
  const nine = size * scale;
  const reach = scale * (halfSteps[exponent + exponentsBelow] as number);
  let whole = Math.trunc(nine * 0.001 + 0.5);
  let dropped = 3;
  if (Math.abs(whole * 1000 - nine) >= reach) {
    whole = Math.trunc(nine * 0.01 + 0.5);
    dropped = 2;
    if (Math.abs(whole * 100 - nine) >= reach) {
      whole = Math.trunc(nine * 0.1 + 0.5);
      dropped = 1;
      if (Math.abs(whole * 10 - nine) >= reach) {
        whole = Math.trunc(nine + 0.5);
        dropped = 0;
      }
    }
  }
  return settled(size, whole, places - dropped);
}

/** What `shortest` found, checked and without trailing zeros; nine digits where it did not hold. */
function settled(size: number, found: number, foundPlaces: number): number {
  let whole = found;
  let places = foundPlaces;
  const isSame = places >= 1 && Math.fround(whole / (powersOfTen[places] as number)) === size;
  if (!isSame) {
    places = placesOfNine(size);
    whole = Math.trunc(size * (powersOfTen[places] as number) + 0.5);
  }
  let digits = whole | 0;
  let tenth = (digits / 10) | 0;
  while (tenth * 10 === digits) {
    digits = tenth;
    tenth = (digits / 10) | 0;
    places -= 1;
  }
  lastPlaces = places;
  return digits;
}

function placesOfNine(size: number): number {
  let power = 0;
  while (size >= powerOfTen(power + 1)) power += 1;
  while (size < powerOfTen(power)) power -= 1;
  return digitsMax - 1 - power;
}

function powerOfTen(power: number): number {
  return power >= 0 ? (powersOfTen[power] as number) : 1 / (powersOfTen[-power] as number);
}

function slowText(size: number): string {
  for (let digits = digitsMin; digits < digitsMax; digits += 1) {
    const value = Number(size.toPrecision(digits));
    if (Math.fround(value) === size) return String(value);
  }
  return String(Number(size.toPrecision(digitsMax)));
}

/** Writes a whole number from 0 to 2^31 - 1. */
export function writeWhole(target: Uint8Array, from: number, value: number): number {
  let rest = value | 0;
  let to = from + 1;
  for (let bound = 10; bound <= rest; bound *= 10) to += 1;
  for (let place = to - 1; place >= from; place -= 1) {
    const tenth = (rest / 10) | 0;
    target[place] = 48 + rest - tenth * 10;
    rest = tenth;
  }
  return to;
}

/** Writes text that is ASCII. */
function writeAscii(target: Uint8Array, from: number, text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    target[from + index] = text.charCodeAt(index);
  }
  return from + text.length;
}
