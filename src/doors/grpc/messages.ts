/**
 * The messages that are not on the hot path: from bytes to plain values and back by their
 * descriptors.
 *
 * Values have the names of the proto files (`model_name`), the form that REST answers with, so what
 * both doors tell is made once. The descriptors are compiled ahead; nothing is generated at run
 * time.
 */
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ServingError } from "../../base/index.ts";
import { frameOf } from "./encode.ts";
import { descriptorSetBase64 } from "./generated/descriptors.ts";

let descriptors: FileDescriptorSet | undefined;
let registry: FileRegistry | undefined;

/** The compiled files, as reflection shows them. */
export function descriptorSet(): FileDescriptorSet {
  descriptors ??= fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, "base64"));
  return descriptors;
}

/** All types by name. */
export function typeRegistry(): FileRegistry {
  registry ??= createFileRegistry(descriptorSet());
  return registry;
}

/** A plain value as it stands in JSON, with the names of the proto file. */
export type PlainMessage = { readonly [name: string]: JsonValue };

/** Reads and writes one type of message. */
export interface MessageType {
  /** @throws INVALID_REQUEST when the bytes are no such message */
  decode(bytes: Uint8Array): PlainMessage;
  /** The message in a frame. REQUIRES: `value` fits the type. */
  encode(value: object): Buffer;
}

/** @param name full name, `inference.ModelConfigRequest` */
export function messageType(name: string): MessageType {
  const desc = typeRegistry().getMessage(name);
  if (desc === undefined) throw new RangeError(`there is no message ${name}`);
  return {
    decode: (bytes) => decode(desc, bytes),
    encode: (value) =>
      frameOf(toBinary(desc, fromJson(desc, value as JsonValue, { registry: typeRegistry() }))),
  };
}

function decode(desc: DescMessage, bytes: Uint8Array): PlainMessage {
  try {
    const message = fromBinary(desc, bytes);
    return toJson(desc, message, {
      useProtoFieldName: true,
      alwaysEmitImplicit: true,
    }) as PlainMessage;
  } catch (thrown) {
    const text = `the message is no ${desc.typeName}`;
    throw new ServingError("INVALID_REQUEST", text, { cause: thrown });
  }
}
