/**
 * What an inference request needs of the server.
 */
import type { Service } from "../../../service/index.ts";
import type { Offload } from "../../../tensor/index.ts";

export interface InferRoute {
  readonly service: Service;
  readonly threads: Offload;
  /** The content type of a reply with raw tensors, from the bytes of its JSON. */
  binaryType?(jsonBytes: number): string;
}
