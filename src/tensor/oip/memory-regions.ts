/**
 * Tensors that lie in a memory region which caller and server share: refused, whatever the door.
 */
import { ServingError } from "../../base/index.ts";
import type { OipParameters } from "./oip-request.ts";
import { quoteText } from "./quote-text.ts";

/** The answer to a tensor in a shared memory region. */
export const sharedMemoryText = "shared memory is not supported: send tensors in the request body";

/** @throws UNSUPPORTED for a tensor that lies in a shared memory region */
export function refuseSharedMemory(parameters: OipParameters, field: string): void {
  for (const name of parameters.keys()) {
    if (!name.startsWith("shared_memory_")) continue;
    const place = `${field}.${quoteText(name)}`;
    throw new ServingError("UNSUPPORTED", sharedMemoryText, { field: place });
  }
}
