/**
 * Finds the files in which a model keeps its weights, and checks each as a file of the package.
 */
import { posix } from "node:path";
import { quote, ServingError } from "../../../base/index.ts";
import type { OnnxModel } from "../onnx-model.ts";
import { checkRegions, type ExternalRegion, externalRegion } from "./external-regions.ts";
import { withPackageFile } from "./package-file.ts";

export interface ExternalFile {
  /** Relative to the model's folder. */
  readonly location: string;
  /** Relative to the package's folder. */
  readonly packageLocation: string;
  readonly bytes: number;
}

export interface ModelPlace {
  /** Absolute path of the package's folder. */
  readonly folder: string;
  /** The model's path in it, with `/`. */
  readonly location: string;
}

/**
 * The external files of a model, sorted by location.
 *
 * @throws MODEL_INVALID when a tensor points anywhere it must not
 */
export async function checkExternalFiles(
  model: OnnxModel,
  place: ModelPlace,
): Promise<readonly ExternalFile[]> {
  // Bounded by the read budget.
  const byLocation = new Map<string, ExternalRegion[]>();
  for (const tensor of model.tensors) {
    if (!tensor.isExternal) continue;
    const region = externalRegion(tensor);
    const regions = byLocation.get(region.location);
    if (regions === undefined) byLocation.set(region.location, [region]);
    else regions.push(region);
  }
  const files: ExternalFile[] = [];
  for (const location of [...byLocation.keys()].sort()) {
    const packageLocation = posix.join(posix.dirname(place.location), location);
    if (packageLocation === place.location) {
      throw new ServingError("MODEL_INVALID", "external data may not lie in the model file itself");
    }
    const title = `external data file ${quote(location)}`;
    const found = { folder: place.folder, location: packageLocation, title, isLinkAllowed: false };
    const bytes = await withPackageFile(found, async (file) => file.bytes);
    checkRegions(byLocation.get(location) ?? [], bytes);
    files.push({ location, packageLocation, bytes });
  }
  return files;
}
