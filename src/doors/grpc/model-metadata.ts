/**
 * Which model a call of a hand-written service means: its messages name none.
 */
import type { ServedVersion, Service } from "../../service/index.ts";
import type { MethodCall } from "./method.ts";

/**
 * The version that the metadata `x-model` and `x-model-version` name, else the only one.
 * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, MODEL_NOT_READY, INVALID_REQUEST (several models)
 */
export function modelOf(service: Service, { headers }: MethodCall): ServedVersion {
  const model = headers["x-model"];
  const version = headers["x-model-version"];
  const name = model === undefined || model === "" ? service.needModel() : String(model);
  return service.find(name, version === undefined ? undefined : String(version));
}
