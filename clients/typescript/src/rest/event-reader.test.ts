// Goal: events are read whole, however their bytes are cut, and one that is cut off is none.
// Method: a text with each kind of line, in pieces of every size.
import { expect, test } from "vitest";
import { nextEvent, type ServerEvent } from "./event-reader.ts";
import { LineReader } from "./line-reader.ts";

const text =
  ': a comment\n\nid: 0\nevent: prediction\ndata: {"a":1}\n\ndata:one\ndata: two\nretry: 5\n\n' +
  "id\nevent: done\ndata: ü\n\nid: 3\ndata: cut off\n";

async function eventsOf(bytes: Uint8Array, size: number): Promise<ServerEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) {
        controller.enqueue(bytes.subarray(at, at + size));
      }
      controller.close();
    },
  });
  const lines = new LineReader(body);
  const events: ServerEvent[] = [];
  for (;;) {
    const event = await nextEvent(() => lines.next());
    if (event === undefined) return events;
    events.push(event);
  }
}

test("gives each whole event with its id, kind and data", async () => {
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    expect(await eventsOf(bytes, size)).toEqual([
      { id: "0", kind: "prediction", data: '{"a":1}' },
      { id: "", kind: "message", data: "one\ntwo" },
      { id: "", kind: "done", data: "ü" },
    ]);
  }
});
