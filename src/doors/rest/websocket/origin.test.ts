// Goal: pages of this host and programs may open sockets, pages of others only where named.
// Method: a table.
import { expect, test } from "vitest";
import { isOriginAllowed } from "./origin.ts";

test.each([
  ["", "a.org", [], true],
  ["http://a.org", "a.org", [], true],
  ["https://a.org", "a.org", [], true],
  ["http://a.org:8000", "A.org:8000", [], true],
  ["http://a.org:8001", "a.org:8000", [], false],
  ["http://b.org", "a.org", [], false],
  ["http://a.org.b.org", "a.org", [], false],
  ["null", "a.org", [], false],
  ["null", "null", [], false],
  ["a.org", "a.org", [], false],
  ["http://a.org", "", [], false],
  ["http://", "a.org", [], false],
  ["http://[", "[", [], false],
  ["http://b.org", "a.org", ["https://b.org"], false],
  ["https://b.org", "a.org", ["https://b.org"], true],
  ["null", "a.org", ["https://b.org"], false],
  ["http://b.org", "a.org", ["*"], true],
])("origin %s at %s with %j: %s", (origin, host, allowed, isAllowed) => {
  expect(isOriginAllowed(origin, host, allowed)).toBe(isAllowed);
});
