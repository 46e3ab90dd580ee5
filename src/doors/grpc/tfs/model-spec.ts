/**
 * Which version a ModelSpec means, however it was read, and the ModelSpec of a reply.
 */
import { ServingError } from "../../../base/index.ts";
import {
  numberOf,
  type ServedVersion,
  servingDefault,
  type TfsChoice,
} from "../../../service/index.ts";
import type { PlainMessage } from "../messages.ts";
import { WireReader } from "../wire/reader.ts";
import { fieldSize, textField, varintSize, writeHead, writeVarint } from "../wire/writer.ts";

/** A ModelSpec as it was sent. */
export interface ModelSpec extends TfsChoice {
  readonly signature: string;
}

/** Keys of the fields: `number << 3 | wire type`. */
const key = { name: 10, version: 18, signature: 26, label: 34, value: 8 } as const;

type Draft = { -readonly [name in keyof ModelSpec]: ModelSpec[name] };

function newDraft(): Draft {
  return { model: "", kind: undefined, version: "", signature: "" };
}

/**
 * The ModelSpec of a request, its field 1 in every message; the rest of the bytes is skipped.
 * @throws INVALID_REQUEST broken bytes, or no name
 */
export function readModelSpec(bytes: Buffer): ModelSpec {
  const reader = new WireReader(bytes);
  const draft = newDraft();
  while (reader.hasMore) {
    const tag = reader.tag();
    if (tag !== key.name) {
      reader.skip(tag);
      continue;
    }
    const end = reader.lengthEnd();
    const spec = new WireReader(bytes, reader.pos, end);
    while (spec.hasMore) readSpecField(spec, draft);
    reader.pos = end;
  }
  return checked(draft);
}

function readSpecField(reader: WireReader, draft: Draft): void {
  const tag = reader.tag();
  if (tag === key.name) draft.model = reader.text("model_spec.name");
  else if (tag === key.signature) draft.signature = reader.text("model_spec.signature_name");
  else if (tag === key.label) {
    draft.kind = "label";
    draft.version = reader.text("model_spec.version_label");
  } else if (tag === key.version) {
    draft.kind = "version";
    draft.version = String(readInt64Value(reader));
  } else reader.skip(tag);
}

function readInt64Value(reader: WireReader): bigint {
  const end = reader.lengthEnd();
  const inner = new WireReader(reader.bytes, reader.pos, end);
  reader.pos = end;
  let value = 0n;
  while (inner.hasMore) {
    const tag = inner.tag();
    if (tag === key.value) value = inner.int64();
    else inner.skip(tag);
  }
  return value;
}

/** The same of a message that was read by its descriptor. @throws INVALID_REQUEST no name */
export function modelSpecOf({ model_spec }: PlainMessage): ModelSpec {
  const draft = newDraft();
  if (typeof model_spec !== "object" || model_spec === null) return checked(draft);
  const spec = model_spec as PlainMessage;
  draft.model = String(spec["name"] ?? "");
  draft.signature = String(spec["signature_name"] ?? "");
  const { version, version_label } = spec;
  if (version !== undefined) {
    draft.kind = "version";
    draft.version = String(version);
  } else if (version_label !== undefined) {
    draft.kind = "label";
    draft.version = String(version_label);
  }
  return checked(draft);
}

function checked(spec: ModelSpec): ModelSpec {
  if (spec.model !== "") return spec;
  const field = "model_spec.name";
  const message = `${field}: missing, expected the name of a model`;
  throw new ServingError("INVALID_REQUEST", message, { field });
}

/** The specs in the replies of a version; an entry goes with its version. */
const specsOf = new WeakMap<ServedVersion, Buffer>();

/** The ModelSpec of a reply, its field 2 in every message: name, version, signature. */
export function replySpec(served: ServedVersion): Buffer {
  const known = specsOf.get(served);
  if (known !== undefined) return known;
  const number = Number(numberOf(served));
  const size = number === 0 ? 0 : 1 + varintSize(number);
  const version = Buffer.alloc(fieldSize(size));
  const at = writeHead(version, 0, { field: 2, length: size });
  if (size > 0) {
    version[at] = key.value;
    writeVarint(version, at + 1, number);
  }
  const inner = Buffer.concat([textField(1, served.model), version, textField(3, servingDefault)]);
  const made = Buffer.alloc(fieldSize(inner.length));
  inner.copy(made, writeHead(made, 0, { field: 2, length: inner.length }));
  specsOf.set(served, made);
  return made;
}
