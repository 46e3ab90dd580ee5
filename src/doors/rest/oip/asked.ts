/**
 * What an inference request needs of the server, and what its reply has to know of it.
 */
import type { ServedVersion, Service } from "../../../service/index.ts";
import type { Offload, OipOutput } from "../../../tensor/index.ts";

export interface InferRoute {
  readonly service: Service;
  readonly threads: Offload;
  /** The content type of a reply with raw tensors, from the bytes of its JSON. */
  binaryType?(jsonBytes: number): string;
}

/** What the reply has to know of its request. */
export interface Asked {
  readonly served: ServedVersion;
  readonly id: string | undefined;
  /** In the order asked; empty = all. */
  readonly outputs: readonly OipOutput[];
  readonly isBinaryDefault: boolean;
  /** Indexes in the signature; `undefined` = all. */
  readonly wanted: readonly number[] | undefined;
}
