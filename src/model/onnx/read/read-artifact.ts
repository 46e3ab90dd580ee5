/**
 * Tells what kind of file an artifact is and reads it.
 *
 * Files that people put in the place of a model by accident are named for what they are: an empty
 * file, a Git LFS pointer, a ZIP of another framework, a web page.
 */
import { type LimitName, ServingError } from "../../../base/index.ts";
import type { OnnxModel } from "../onnx-model.ts";
import { readOnnx } from "./read-onnx.ts";
import { isOrtFormat, readOrt } from "./read-ort.ts";

/** Protobuf messages end at 2 GiB; larger models keep their weights in external files. */
const protobufBytesMax = 2 ** 31 - 1;

/** First bytes of files that are no ONNX model, and what to do with them. */
const strangers: readonly (readonly [start: string, what: string])[] = [
  [
    "version https://git-lfs.github.com",
    "a Git LFS pointer instead of the model; fetch the file with `git lfs pull`",
  ],
  ["PK\u0003\u0004", "a ZIP archive (PyTorch, Keras or a package?); export the model to ONNX"],
  ["\u001f\u008b", "gzip-compressed; unpack it"],
  ["\u0089HDF", "an HDF5 file (Keras?); export the model to ONNX with tf2onnx"],
  ["\u0080\u0004", "a Python pickle; export the model to ONNX with skl2onnx"],
  ["\u0080\u0002", "a Python pickle; export the model to ONNX with torch.onnx or skl2onnx"],
  ["<!DOCTYPE", "a web page instead of the model; download the raw file"],
  ["<html", "a web page instead of the model; download the raw file"],
];

/**
 * Refuses a file by its size alone, before it is read.
 *
 * @throws MODEL_INVALID when it is empty or too large
 */
export function checkArtifactSize(bytes: number, fileBytesMax: number): void {
  if (bytes === 0) throw refusal("the model file is empty; copy or export it again");
  checkTotalSize(bytes, fileBytesMax);
  if (bytes > protobufBytesMax) {
    throw refusal(
      "the model file is over 2 GiB, which ONNX cannot hold; export it with external data",
    );
  }
}

/**
 * @param bytes artifact and external data together
 * @throws MODEL_INVALID when they pass `modelFileBytesMax`
 */
export function checkTotalSize(bytes: number, fileBytesMax: number): void {
  if (bytes <= fileBytesMax) return;
  throw refusal(
    `the model takes ${bytes} bytes, and the limit is ${fileBytesMax}; raise modelFileBytesMax`,
    "modelFileBytesMax",
  );
}

/** @throws MODEL_INVALID when the bytes are no model or pass a limit */
export function readArtifact(bytes: Uint8Array, nodesMax: number): OnnxModel {
  const start = Buffer.from(bytes.subarray(0, 64)).toString("latin1");
  const stranger = strangers.find(([mark]) => start.startsWith(mark));
  if (stranger !== undefined) throw refusal(`the model file is ${stranger[1]}`);
  if (isOrtFormat(bytes)) return readOrt(bytes, nodesMax);
  return readOnnx(bytes, nodesMax);
}

function refusal(message: string, limit?: LimitName): ServingError {
  return new ServingError("MODEL_INVALID", message, limit === undefined ? {} : { limit });
}
