/**
 * The house: which room stands on which floor.
 *
 * A room imports only from floors below its own. On floor 1 `tensor` lies under `model`: a
 * signature speaks of dtypes, and moving those into `base` would bring a word of the field there.
 */
export const floors: readonly (readonly [room: string, floor: number])[] = [
  ["base", 0],
  ["transport", 1],
  ["tensor", 1],
  ["model", 1.5],
  ["engine", 2],
  ["predict", 3],
  ["registry", 3],
  ["observe", 4],
  ["service", 5],
  ["doors/rest", 6],
  ["doors/grpc", 6],
  ["app", 7],
];

/** The room of a source path (`src/doors/rest/http/server.ts` -> `doors/rest`), or "". */
export function roomOf(path: string): string {
  for (const [room] of floors) if (path.startsWith(`src/${room}/`)) return room;
  return "";
}

export function floorOf(room: string): number {
  return floors.find(([name]) => name === room)?.[1] ?? Number.NaN;
}
