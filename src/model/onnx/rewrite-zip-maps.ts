/**
 * Writes a model in which the scores of a classifier are a tensor output instead of maps.
 *
 * Each ZipMap becomes an Identity from its input to its own name, so the public name stays, and it
 * does not matter who else reads the scores. Everything else is copied byte for byte. The output's
 * declared shape is left away: the engine infers it, and a guess of ours might contradict it.
 * The engine removes the Identity while it optimises.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { bytesKey, rawFields, walkFields } from "./read/wire.ts";
import type { ZipMap } from "./signature/zip-maps.ts";

const graphField = 7;
const nodeField = 1;
const outputField = 12;
const float32 = 1;

/**
 * REQUIRES: `bytes` is the model that `zipMaps` were found in.
 * @returns the bytes of the rewritten model
 */
export function rewriteZipMaps(bytes: Uint8Array, zipMaps: readonly ZipMap[]): Uint8Array {
  // One entry a graph output.
  const byOutput = new Map(zipMaps.map((each) => [each.output, each]));
  const out = new BinaryWriter();
  for (const field of rawFields(bytes)) {
    if (field.key !== bytesKey(graphField)) out.raw(field.whole);
    else {
      const graph = rewriteGraph(field.content, byOutput);
      out.tag(graphField, WireType.LengthDelimited).bytes(graph);
    }
  }
  return out.finish();
}

function rewriteGraph(graph: Uint8Array, zipMaps: ReadonlyMap<string, ZipMap>): Uint8Array {
  const out = new BinaryWriter();
  for (const field of rawFields(graph)) {
    if (field.key === bytesKey(nodeField))
      writeNode(out, field.whole, zipMapOf(field.content, zipMaps));
    else if (field.key === bytesKey(outputField))
      writeOutput(out, field.whole, outputOf(field.content, zipMaps));
    else out.raw(field.whole);
  }
  return out.finish();
}

/** The ZipMap that a NodeProto is, or `undefined`. */
function zipMapOf(node: Uint8Array, zipMaps: ReadonlyMap<string, ZipMap>): ZipMap | undefined {
  let [op, output] = ["", ""];
  walkFields(node, (field, reader) => {
    if (field === bytesKey(2)) output = reader.string();
    else if (field === bytesKey(4)) op = reader.string();
    else return false;
    return true;
  });
  return op === "ZipMap" ? zipMaps.get(output) : undefined;
}

function outputOf(value: Uint8Array, zipMaps: ReadonlyMap<string, ZipMap>): ZipMap | undefined {
  let name = "";
  walkFields(value, (field, reader) => {
    if (field !== bytesKey(1)) return false;
    name = reader.string();
    return true;
  });
  return zipMaps.get(name);
}

function writeNode(out: BinaryWriter, whole: Uint8Array, zipMap: ZipMap | undefined): void {
  if (zipMap === undefined) {
    out.raw(whole);
    return;
  }
  out.tag(nodeField, WireType.LengthDelimited).fork();
  out.tag(1, WireType.LengthDelimited).string(zipMap.scores);
  out.tag(2, WireType.LengthDelimited).string(zipMap.output);
  out.tag(4, WireType.LengthDelimited).string("Identity").join();
}

function writeOutput(out: BinaryWriter, whole: Uint8Array, zipMap: ZipMap | undefined): void {
  if (zipMap === undefined) {
    out.raw(whole);
    return;
  }
  out.tag(outputField, WireType.LengthDelimited).fork();
  out.tag(1, WireType.LengthDelimited).string(zipMap.output);
  out.tag(2, WireType.LengthDelimited).fork();
  out.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(float32).join();
  out.join().join();
}
