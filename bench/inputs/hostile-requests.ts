/**
 * What callers send who mean harm: each body is refused, and the point is what it costs others.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { FixedRequest } from "../load/wrk.ts";
import { cacheFolder } from "../stage.ts";

const mebibyte = 1024 * 1024;

function request(name: string, body: string | Uint8Array, headers = {}): FixedRequest {
  const folder = join(cacheFolder, "bodies");
  mkdirSync(folder, { recursive: true });
  const bodyFile = join(folder, `hostile-${name}`);
  writeFileSync(bodyFile, body);
  const all = { "content-type": "application/json", ...headers };
  return { path: "/predict?model=customer", bodyFile, headers: all };
}

/** Broken JSON, JSON 250,000 deep, a bomb of gzip, and a mebibyte of numbers where four belong. */
export function hostileRequests(): readonly FixedRequest[] {
  const numbers = Array.from({ length: mebibyte / 8 }, () => "1.23456").join(",");
  return [
    request("broken", '{"features": [1, 2, 3,'),
    request("deep", `{"features": ${"[".repeat(250_000)}`),
    request("bomb", gzipSync(new Uint8Array(64 * mebibyte)), { "content-encoding": "gzip" }),
    request("long", `{"features": [${numbers}]}`),
  ];
}
