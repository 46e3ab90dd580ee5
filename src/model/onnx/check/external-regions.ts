/**
 * Checks where tensors say that their elements lie in other files, before any file is touched.
 *
 * Locations are relative paths below the model's folder; offsets and lengths are whole numbers; no
 * key is there twice, because readers disagree on which one counts. Regions of different tensors
 * may not overlap: an honest exporter writes each tensor once. What the sizes of the files allow is
 * checked by `checkRegions` once they are known.
 */
import { quote, ServingError } from "../../../base/index.ts";
import { elementBytes } from "../element-types.ts";
import type { OnnxTensor } from "../onnx-model.ts";

/** A tensor's elements in another file. */
export interface ExternalRegion {
  readonly tensor: string;
  /** Normal relative path with `/`. */
  readonly location: string;
  /** First byte. */
  readonly offset: number;
  /** Bytes; `undefined` is up to the end of the file. */
  readonly length: number | undefined;
}

/** The mark by which the engine names its own memory; never a file. */
const memoryMark = "_ORT_MEM_ADDR_";
const locationCharactersMax = 1024;

/** The region of an external tensor. @throws MODEL_INVALID naming the tensor and the key */
export function externalRegion(tensor: OnnxTensor): ExternalRegion {
  // Five keys are known; the reader allows 64.
  const entries = new Map<string, string>();
  for (const [key, value] of tensor.external) {
    if (entries.has(key)) throw refusal(tensor, `gives ${quote(key)} twice`);
    entries.set(key, value);
  }
  const location = checkLocation(tensor, entries.get("location"));
  const offset = wholeNumber(tensor, "offset", entries.get("offset")) ?? 0;
  const stated = wholeNumber(tensor, "length", entries.get("length"));
  let count = 1;
  for (const each of tensor.shape) count *= each;
  const needed = elementBytes(tensor.elementType, count);
  if (needed === undefined) throw refusal(tensor, "has a type that cannot lie in another file");
  if (stated !== undefined && stated !== needed) {
    throw refusal(tensor, `has length ${stated}, and its shape needs ${needed} bytes`);
  }
  return { tensor: tensor.name, location, offset, length: needed };
}

function checkLocation(tensor: OnnxTensor, location: string | undefined): string {
  if (location === undefined || location === "") throw refusal(tensor, "names no location");
  const isPlain =
    location.length <= locationCharactersMax &&
    !location.includes("\\") &&
    !location.includes("\0") &&
    !location.includes(memoryMark);
  if (!isPlain) throw refusal(tensor, "has a location that is not a plain file name");
  if (location.startsWith("/"))
    throw refusal(tensor, "has an absolute location; use a relative one");
  const parts = location.split("/").filter((each) => each !== ".");
  if (parts.includes(".."))
    throw refusal(tensor, "has a location with `..`; keep it in the folder");
  if (parts.length === 0 || parts.includes("")) {
    throw refusal(tensor, "has a location that is not a plain file name");
  }
  return parts.join("/");
}

function wholeNumber(
  tensor: OnnxTensor,
  key: string,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  let isDigits = text.length > 0 && text.length <= 16;
  for (const each of text) isDigits &&= each >= "0" && each <= "9";
  if (isDigits && Number.isSafeInteger(value)) return value;
  throw refusal(tensor, `has ${key} ${quote(text)}, and a whole number >= 0 is needed`);
}

/**
 * Checks the regions of one file.
 *
 * @param fileBytes the size of the file
 * @throws MODEL_INVALID when a region leaves the file or meets another one
 */
export function checkRegions(regions: readonly ExternalRegion[], fileBytes: number): void {
  const sorted = [...regions].sort((a, b) => a.offset - b.offset);
  let before: ExternalRegion | undefined;
  for (const region of sorted) {
    const end = region.offset + (region.length ?? 0);
    if (region.offset > fileBytes || end > fileBytes) {
      throw new ServingError(
        "MODEL_INVALID",
        `external data of tensor ${quote(region.tensor)} ends at byte ${end}, and the file ` +
          `${quote(region.location)} has ${fileBytes}; copy the whole file`,
      );
    }
    if (region.length === 0) continue;
    if (before !== undefined && region.offset < before.offset + (before.length ?? 0)) {
      throw new ServingError(
        "MODEL_INVALID",
        `external data of tensors ${quote(before.tensor)} and ${quote(region.tensor)} overlap in ` +
          `${quote(region.location)}; export the model again`,
      );
    }
    before = region;
  }
}

function refusal(tensor: OnnxTensor, what: string): ServingError {
  return new ServingError("MODEL_INVALID", `external data of tensor ${quote(tensor.name)} ${what}`);
}
