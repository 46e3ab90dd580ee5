/**
 * What a gRPC service is to this door: a name, and its methods by name.
 *
 * A service is a folder that gives a list of these; the door knows none of them by name, so another
 * service is another folder and one line in `door.ts`.
 */
import type { Method } from "./method.ts";

export interface GrpcService {
  /** Full name, `inference.GRPCInferenceService`. */
  readonly name: string;
  readonly methods: { readonly [name: string]: Method };
}

/** The methods by path; one entry for each method of the services. */
export function methodsByPath(services: readonly GrpcService[]): ReadonlyMap<string, Method> {
  const all = services.flatMap(({ name, methods }) =>
    Object.entries(methods).map(([method, each]) => [`/${name}/${method}`, each] as const),
  );
  return new Map(all);
}
