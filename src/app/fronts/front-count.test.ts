// Goal: the number of fronts follows the setting and the machine. Method: a table.
import { expect, test } from "vitest";
import { type Config, configSchema } from "../config/schema.ts";
import { frontCount, frontsAuto } from "./front-count.ts";

function config(fronts: number | "auto", connectionsMax = 100): Config {
  return configSchema.parse({ server: { fronts }, limits: { connectionsMax } });
}

test("auto is half of the cores, one at least and 64 at most", () => {
  const counts = [1, 2, 3, 4, 8, 127, 256].map(frontsAuto);
  expect(counts).toEqual([1, 1, 1, 2, 4, 63, 64]);
});

test("a number is taken as it is where fronts can share a port", () => {
  const machine = { cores: 4, platform: "linux" } as const;
  expect(frontCount(config(1), machine)).toBe(1);
  expect(frontCount(config(3), machine)).toBe(3);
  expect(frontCount(config("auto"), machine)).toBe(2);
});

test("elsewhere auto is one, and more are refused with what to do", () => {
  const machine = { cores: 8, platform: "darwin" } as const;
  expect(frontCount(config("auto"), machine)).toBe(1);
  expect(frontCount(config(1), machine)).toBe(1);
  const why = "server.fronts: 2 processes share a port on Linux alone: take 1";
  expect(() => frontCount(config(2), machine)).toThrow(why);
});

test("limits that cannot be divided are refused", () => {
  const machine = { cores: 8, platform: "linux" } as const;
  expect(() => frontCount(config(4, 3), machine)).toThrow("limits.connectionsMax: 3 cannot");
  expect(frontCount(config(4, 4), machine)).toBe(4);
});
