// Goal: the address that is printed can be used, and a port that is taken is explained.
// Method: addresses and system errors by hand.
import { expect, test } from "vitest";
import { ServingError } from "../../base/index.ts";
import { listenError, urlOf } from "./serve-words.ts";

test("an address that means all interfaces is shown as loopback, IPv6 in brackets", () => {
  expect(urlOf("0.0.0.0", 8000)).toBe("http://127.0.0.1:8000");
  expect(urlOf("::", 1)).toBe("http://127.0.0.1:1");
  expect(urlOf("::1", 1)).toBe("http://[::1]:1");
  expect(urlOf("example.org", 80)).toBe("http://example.org:80");
  expect(urlOf("0.0.0.0", 8443, true)).toBe("https://127.0.0.1:8443");
});

test("a port that is taken is explained; other errors pass unchanged", () => {
  const taken = Object.assign(new Error("listen"), { code: "EADDRINUSE" });
  const explained = listenError(taken, { host: "0.0.0.0", port: 8000, flag: "--port" });
  if (!ServingError.is(explained)) throw new Error("not explained");
  expect(explained.message).toContain("port 8000 is taken");
  const other = new Error("else");
  expect(listenError(other, { host: "x", port: 1, flag: "--port" })).toBe(other);
});
