// Goal: the end of a reply is found however the bytes are cut, for both kinds of length.
// Method: replies written by hand, cut at random places.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ReplyReader } from "./reply-reader.ts";

const plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\n0\r\n\r\n";
const chunked =
  "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
  "5;ext=1\r\n0\r\n\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nt: 1\r\n\r\n";
const empty = "HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n";

const cases = [
  { text: plain, reply: { status: 200, isLast: false } },
  { text: chunked, reply: { status: 503, isLast: true } },
  { text: empty, reply: { status: 204, isLast: false } },
];

test("a reply ends at the same byte however its bytes are cut", () => {
  const cut = fc.array(fc.nat({ max: 200 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...cases), { minLength: 1 }), cut, (list, cuts) => {
      const reader = new ReplyReader();
      for (const { text, reply } of list) {
        const places = cuts.map((each) => each % text.length).sort((a, b) => a - b);
        const edges = [0, ...places, text.length];
        const seen: unknown[] = [];
        for (let index = 1; index < edges.length; index += 1) {
          const part = text.slice(edges[index - 1], edges[index]);
          const result = reader.push(Buffer.from(part));
          if (result !== undefined) seen.push(result);
        }
        expect(seen).toEqual([reply]);
      }
    }),
  );
});

test("what is no reply, and what goes on after one, is refused", () => {
  expect(() => new ReplyReader().push(Buffer.from("SSH-2.0-x\r\n\r\n"))).toThrow(RangeError);
  expect(() => new ReplyReader().push(Buffer.from(`${plain}more`))).toThrow(RangeError);
  expect(() => new ReplyReader().push(Buffer.alloc(70_000, 65))).toThrow(RangeError);
  const bad = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
  expect(() => new ReplyReader().push(Buffer.from(bad))).toThrow(RangeError);
});
