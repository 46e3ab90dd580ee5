// Goal: a path finds its route whatever a parameter is called, also as a literal that stands beside
// it. Method: a table with literals and parameters at one place, asked for each kind of path.
import { expect, test } from "vitest";
import type { ServingError } from "../../../base/index.ts";
import { type Method, originForm, type Route, Router } from "./router.ts";

function route(method: Method, path: string): Route {
  return { method, path, body: "none", dialect: "plain", handle() {} };
}

const router = new Router([
  route("GET", "/v2/models"),
  route("GET", "/v2/models/stats"),
  route("GET", "/v2/models/:model"),
  route("GET", "/v2/models/:model/stats"),
  route("POST", "/v2/models/:model/infer"),
  route("POST", "/v2/models/:model/versions/:version/infer"),
  route("POST", "/v2/models/new/versions/first/begin"),
  route("POST", "/v2/models/:model"),
]);

function find(method: string, path: string): string {
  try {
    const { route: found, parameters } = router.find(method, path);
    return [found.method, found.path, ...parameters].join(" ");
  } catch (thrown) {
    const { code, field } = thrown as ServingError;
    return field === undefined ? code : `${code} ${field}`;
  }
}

test("finds literals before parameters", () => {
  expect(find("GET", "/v2/models/stats")).toBe("GET /v2/models/stats");
  expect(find("GET", "/v2/models/stats/")).toBe("GET /v2/models/stats");
  expect(find("HEAD", "/v2/models/stats")).toBe("GET /v2/models/stats");
  expect(find("GET", "/v2/models/a%2Fb")).toBe("GET /v2/models/:model a/b");
});

test("goes back to a parameter where a literal leads nowhere", () => {
  expect(find("GET", "/v2/models/stats/stats")).toBe("GET /v2/models/:model/stats stats");
  expect(find("POST", "/v2/models/stats/infer")).toBe("POST /v2/models/:model/infer stats");
  const versioned = "POST /v2/models/:model/versions/:version/infer";
  expect(find("POST", "/v2/models/new/versions/first/infer")).toBe(`${versioned} new first`);
  expect(find("POST", "/v2/models/new/versions/2/infer")).toBe(`${versioned} new 2`);
  expect(find("POST", "/v2/models/stats")).toBe("POST /v2/models/:model stats");
});

test("says which verbs a known path has, and that an unknown one is none", () => {
  expect(find("GET", "/v2/models/stats/infer")).toBe("METHOD_NOT_ALLOWED POST");
  expect(find("PUT", "/v2/models/stats")).toBe("METHOD_NOT_ALLOWED GET, POST");
  expect(find("PUT", "/v2/models/echo")).toBe("METHOD_NOT_ALLOWED GET, POST");
  expect(find("GET", "/v2/models/new/versions")).toBe("NOT_FOUND");
  expect(find("GET", "/v2")).toBe("NOT_FOUND");
  expect(find("GET", "/")).toBe("NOT_FOUND");
  expect(find("GET", "/v2/models/%zz")).toBe("INVALID_REQUEST");
});

test("shows a path cut and without what a terminal would obey", () => {
  const messageOf = (path: string): string => {
    try {
      router.find("GET", path);
    } catch (thrown) {
      return (thrown as ServingError).message;
    }
    return "";
  };
  expect(messageOf("/a\u009b31m\u0007")).toContain("no route '/a\\u009b31m\\u0007':");
  expect(messageOf(`/${"a".repeat(2_000)}`).length).toBeLessThan(150);
});

test.each([
  ["/a?b", "/a?b"],
  ["http://x/a/b?c", "/a/b?c"],
  ["HTTPS://x:1/a", "/a"],
  ["http://x", "/"],
  ["http://x?a=/b", "/?a=/b"],
  ["ftp://x/a", "ftp://x/a"],
  ["*", "*"],
])("reads the target %s as %s", (target, wanted) => {
  expect(originForm(target)).toBe(wanted);
});
