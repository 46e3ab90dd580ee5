/**
 * What a caller of HTTP/2 says, made from a seed: calls as they should be, and then damage: frames
 * flipped, cut, doubled, out of order, spliced into each other, with lengths, flags and padding
 * that lie. The bytes are cut into chunks wherever the seed likes.
 */
import {
  block,
  callFields,
  data,
  flag,
  frame,
  goAway,
  headers,
  integer,
  ping,
  preface,
  reset,
  setting,
  settings,
  settingsAck,
  type,
  windowUpdate,
} from "./http2-frames.ts";
import type { Seeded } from "./seeded.ts";

export interface StoryRules {
  /** Paths to call. */
  readonly paths: readonly string[];
  /** A message for a path, with its prefix. */
  message(random: Seeded, path: string): Buffer;
  /** Largest number of calls. */
  readonly callsMax: number;
  /** Largest number of damages; 0 for a story without any. */
  readonly damagesMax: number;
}

/** The frames of a caller, the preface among them, damaged or not. */
export function tellStory(random: Seeded, rules: StoryRules): Buffer[] {
  const parts: Buffer[] = [preface, openingSettings(random)];
  if (random.once(2)) parts.push(windowUpdate(0, 1 + random.below(2 ** random.below(30))));
  if (random.once(2)) parts.push(settingsAck);
  const calls = 1 + random.below(rules.callsMax);
  const waiting: Buffer[][] = [];
  for (let index = 0; index < calls; index += 1) {
    waiting.push(tellCall(random, 2 * index + 1, rules));
  }
  // Calls are opened in their order; what follows is mixed.
  let opened = 0;
  while (waiting.some((each) => each.length > 0)) {
    const isNew = opened < calls && (opened === 0 || random.once(3));
    const at = isNew ? opened : random.below(Math.max(1, opened));
    if (isNew) opened += 1;
    const call = waiting[at] ?? [];
    const next = call.shift();
    if (next !== undefined) parts.push(next);
    // A block in several frames may not be interrupted.
    while (call[0] !== undefined && call[0][3] === type.continuation) {
      parts.push(call.shift() as Buffer);
    }
    if (random.once(6)) parts.push(aside(random, opened));
    if (random.once(12) && rules.damagesMax > 0) parts.push(rudeAside(random, opened));
  }
  if (random.once(10)) parts.push(goAway());
  const damages = random.below(rules.damagesMax + 1);
  for (let count = 0; count < damages; count += 1) damage(random, parts);
  return parts;
}

function openingSettings(random: Seeded): Buffer {
  const pairs: [number, number][] = [];
  if (random.once(2)) pairs.push([setting.window, random.below(2 ** random.below(31))]);
  if (random.once(4)) pairs.push([setting.tableBytes, random.below(2 ** 16)]);
  if (random.once(4)) pairs.push([setting.frameBytes, 16_384 + random.below(100_000)]);
  if (random.once(4)) pairs.push([setting.push, random.below(2)]);
  if (random.once(4)) pairs.push([100 + random.below(60_000), random.below(2 ** 31)]);
  return settings(...pairs);
}

function tellCall(random: Seeded, id: number, rules: StoryRules): Buffer[] {
  const path = random.of(rules.paths);
  const fields: Record<string, string> = { ...callFields, ":path": path };
  if (random.once(4)) fields["x-more"] = "v".repeat(random.below(300));
  if (random.once(12)) fields["grpc-timeout"] = random.of(["1S", "50m", "soon", "0n"]);
  if (random.once(20)) fields["content-type"] = "text/plain";
  const frames = headerFrames(random, id, { fields, isLast: random.once(20) });
  const body = Buffer.concat(
    Array.from({ length: random.once(6) ? 1 + random.below(4) : 1 }, () =>
      rules.message(random, path),
    ),
  );
  let at = 0;
  while (at < body.length) {
    const size = random.once(5) ? 1 + random.below(40) : 1 + random.below(16_384);
    const content = body.subarray(at, at + Math.min(size, 16_000));
    at += content.length;
    const isLast = at === body.length && !random.once(4);
    frames.push(
      data(id, content, random.once(4) ? { isLast, padBytes: random.below(256) } : { isLast }),
    );
    if (isLast) return frames;
  }
  if (random.once(3)) frames.push(reset(id, random.below(14)));
  else if (random.once(2)) frames.push(data(id, "", { isLast: true }));
  else frames.push(...headerFrames(random, id, { fields: { "x-sum": "1" }, isLast: true }));
  return frames;
}

interface Head {
  readonly fields: Record<string, string>;
  readonly isLast: boolean;
}

/** HEADERS, by literals or by a table, whole or in several frames, padded or not. */
function headerFrames(random: Seeded, stream: number, { fields, isLast }: Head): Buffer[] {
  if (random.once(2)) return [headers(stream, { fields, isLast })];
  let bytes = random.once(2) ? tableBlock(fields) : block(fields);
  if (random.once(6)) bytes = Buffer.concat([integer(random.below(4_097), 5, 0x20), bytes]);
  const last = isLast ? flag.endStream : 0;
  if (random.once(2)) {
    const padBytes = random.below(50);
    const payload = Buffer.concat([Buffer.from([padBytes]), bytes, Buffer.alloc(padBytes)]);
    const flags = last | flag.endHeaders | flag.padded;
    return [frame(type.headers, payload, { flags, stream })];
  }
  const cut = random.below(bytes.length + 1);
  return [
    frame(type.headers, bytes.subarray(0, cut), { flags: last, stream }),
    frame(type.continuation, bytes.subarray(cut), { flags: flag.endHeaders, stream }),
  ];
}

/** Each field is kept in the table. */
function tableBlock(fields: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [
      Buffer.from([0x40]),
      ...[name, value].flatMap((each) => [integer(each.length, 7), Buffer.from(each, "latin1")]),
    ]),
  );
}

function aside(random: Seeded, calls: number): Buffer {
  const id = 2 * random.below(calls + 1) - 1;
  const stream = Math.max(1, id);
  return random.of<() => Buffer>([
    () => ping,
    () => settingsAck,
    () => windowUpdate(random.once(2) ? 0 : stream, 1 + random.below(2 ** random.below(24))),
    () => settings([setting.window, random.below(2 ** random.below(20))]),
    () => frame(type.priority, random.bytes(5), { stream }),
    () => frame(16 + random.below(200), random.bytes(random.below(60)), { stream }),
  ])();
}

/** What is said at the wrong time. */
function rudeAside(random: Seeded, calls: number): Buffer {
  const stream = 2 * random.below(calls + 2) - 1;
  return random.of<() => Buffer>([
    () => reset(Math.max(1, stream)),
    () => frame(type.data, Buffer.alloc(0), { stream: Math.max(0, stream) }),
    () => windowUpdate(Math.max(0, stream), random.below(2 ** random.below(33))),
    () => headers(Math.max(0, stream), { isLast: random.once(2) }),
  ])();
}

/** Spoils the frames in one way. */
function damage(random: Seeded, parts: Buffer[]): void {
  const at = random.below(parts.length);
  const part = Buffer.from(parts[at] ?? Buffer.alloc(0));
  const change = (bytes: Buffer): void => void parts.splice(at, 1, bytes);
  random.of<() => void>([
    () => {
      for (let flips = 1 + random.below(3); flips > 0 && part.length > 0; flips -= 1) {
        part[random.below(part.length)] = random.below(256);
      }
      change(part);
    },
    () => change(part.subarray(0, random.below(part.length + 1))),
    () => parts.splice(at, 0, part),
    () => parts.splice(random.below(parts.length), 0, ...parts.splice(at, 1)),
    () => void parts.splice(at, 1),
    () => {
      const other = parts[random.below(parts.length)] ?? part;
      const cut = random.below(part.length + 1);
      change(Buffer.concat([part.subarray(0, cut), other, part.subarray(cut)]));
    },
    () => {
      if (part.length >= 3) part.writeUIntBE(random.below(2 ** (1 + random.below(24))), 0, 3);
      change(part);
    },
    () => {
      if (part.length >= 9) part[3] = random.below(12);
      change(part);
    },
    () => {
      if (part.length >= 9) part[4] = random.below(256);
      change(part);
    },
    () => {
      if (part.length >= 9) part.writeUInt32BE(random.below(2 ** random.below(33)), 5);
      change(part);
    },
    () => {
      if (part.length > 9) {
        part[4] = (part[4] ?? 0) | flag.padded;
        part[9] = random.below(256);
      }
      change(part);
    },
    () => parts.splice(at, 0, random.bytes(random.below(40))),
    () => parts.splice(at, 0, ...new Array<Buffer>(random.below(30)).fill(part)),
  ])();
}

/** Chunks of one story; the last is the rest. */
const chunksMax = 200;

/** Cuts bytes as a network might: whole, in large pieces, or byte by byte. */
export function cutAnywhere(random: Seeded, parts: readonly Buffer[]): Buffer[] {
  const bytes = Buffer.concat(parts);
  const sizeMax = random.of([bytes.length + 1, 20_000, 1_000, 40, 3]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = chunks.length < chunksMax ? 1 + random.below(sizeMax) : bytes.length;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
