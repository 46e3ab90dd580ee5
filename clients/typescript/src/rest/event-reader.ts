/**
 * Server-sent events of a body as they come, one at a time (WHATWG HTML, 9.2.6).
 *
 * Only what the server writes is read: `id`, `event`, and `data` on one line or several. An event
 * that the end of the body cuts off is none.
 */
import type { LineReader } from "./line-reader.ts";

export interface ServerEvent {
  /** "" for an event without one. */
  readonly id: string;
  /** `message` where none is named. */
  readonly kind: string;
  readonly data: string;
}

/** The next event; `undefined` after the last. Throws what `nextLine` throws. */
export async function nextEvent(
  nextLine: () => ReturnType<LineReader["next"]>,
): Promise<ServerEvent | undefined> {
  let id = "";
  let kind = "message";
  const parts: string[] = [];
  for (;;) {
    const line = await nextLine();
    if (line === undefined) return undefined;
    if (line === "" && parts.length > 0) return { id, kind, data: parts.join("\n") };
    const [name, value] = fieldOf(line);
    if (name === "id") id = value;
    else if (name === "event") kind = value;
    else if (name === "data") parts.push(value);
  }
}

/** A comment has no name. */
function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  const from = line[colon + 1] === " " ? colon + 2 : colon + 1;
  return [line.slice(0, colon), line.slice(from)];
}
