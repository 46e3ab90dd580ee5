// Goal: a name means one version, and a version takes legal steps only.
// Method: the rules of the default version by hand, and every pair of states against the table.
import { expect, test } from "vitest";
import { compareVersions } from "../model/index.ts";
import { Registry } from "./registry.ts";
import { mayStep, type VersionState } from "./version-state.ts";

const path: VersionState[] = ["validated", "loading", "probing", "warming", "ready"];

function add(registry: Registry<string>, version: string, until: VersionState = "ready") {
  const options = { model: "m", version, isRequired: false };
  const entry = registry.register(options);
  for (const state of path) {
    registry.step(entry, state, state === "ready" ? { served: version } : {});
    if (state === until) break;
  }
  return entry;
}

test("answers the highest version that is ready", () => {
  const registry = new Registry<string>();
  add(registry, "1.9.0");
  add(registry, "1.10.0");
  add(registry, "2.0.0", "loading");
  expect(registry.find("m", undefined)).toBe("1.10.0");
  expect(registry.find("m", "")).toBe("1.10.0");
  expect(registry.find("m", "latest")).toBe("1.10.0");
  expect(registry.find("m", "1.9.0")).toBe("1.9.0");
});

test("answers the version that is named stable, and the highest where none is", () => {
  const registry = new Registry<string>();
  add(registry, "1.0.0");
  add(registry, "2.0.0");
  expect(registry.find("m", "stable")).toBe("2.0.0");
  registry.nameAlias({ model: "m", alias: "stable", version: "1.0.0" });
  registry.nameAlias({ model: "m", alias: "next", version: "2.0.0" });
  const asked = [undefined, "", "stable", "latest", "next", "1.0.0", "2.0.0"];
  const answers = ["1.0.0", "1.0.0", "1.0.0", "2.0.0", "2.0.0", "1.0.0", "2.0.0"];
  expect(asked.map((version) => registry.find("m", version))).toEqual(answers);
  add(registry, "3.0.0");
  expect(registry.find("m", undefined)).toBe("1.0.0");
  registry.nameAlias({ model: "m", alias: "stable", version: "3.0.0" });
  expect(registry.find("m", undefined)).toBe("3.0.0");
});

test("a version that is named stable is not stood in for while it is away", () => {
  const registry = new Registry<string>();
  const entry = add(registry, "1.0.0");
  add(registry, "2.0.0");
  registry.nameAlias({ model: "m", alias: "stable", version: "1.0.0" });
  registry.step(entry, "failed", { reason: "gone" });
  expect(() => registry.find("m", undefined)).toThrow("version '1.0.0' of model 'm' is failed");
  expect(registry.find("m", "latest")).toBe("2.0.0");
});

test("asked for the latest by default, stable counts only where it is named", () => {
  const registry = new Registry<string>("latest");
  add(registry, "1.0.0");
  add(registry, "2.0.0");
  registry.nameAlias({ model: "m", alias: "stable", version: "1.0.0" });
  expect(registry.find("m", undefined)).toBe("2.0.0");
  expect(registry.find("m", "stable")).toBe("1.0.0");
});

test("a version comes before an alias, and an alias needs a version that is there", () => {
  const registry = new Registry<string>();
  add(registry, "1.0.0");
  const name = (alias: string, version: string, model = "m") =>
    registry.nameAlias({ model, alias, version });
  expect(() => name("stable", "2.0.0")).toThrow("got version '2.0.0', expected one it has: 1.0.0");
  expect(() => name("stable", "1.0.0", "x")).toThrow("there is no such model");
  name("stable", "1.0.0");
  const wrong = "model 'm' has no version 'next': it has stable, 1.0.0";
  expect(() => registry.find("m", "next")).toThrow(wrong);
  for (let index = 1; index < 100; index += 1) name(`a${index}`, "1.0.0");
  expect(() => name("b", "1.0.0")).toThrow("more than 100 aliases");
  name("a1", "1.0.0");
});

test("tells an unknown model, an unknown version and one that is not ready apart", () => {
  const registry = new Registry<string>();
  add(registry, "1.0.0", "loading");
  expect(() => registry.find("x", undefined)).toThrow("unknown model: 'x' is not found");
  expect(() => registry.find("m", "9")).toThrow("model 'm' has no version '9': it has 1.0.0");
  expect(() => registry.find("m", undefined)).toThrow("'m' has no available versions");
  add(registry, "0.9.0");
  expect(() => registry.find("m", "1.0.0")).toThrow("version '1.0.0' of model 'm' is loading");
  expect(registry.find("m", undefined)).toBe("0.9.0");
});

test("keeps the reason of a failure and forgets what served", () => {
  const registry = new Registry<string>();
  const entry = add(registry, "1.0.0");
  registry.step(entry, "failed", { reason: "the worker died at each start" });
  expect(entry).toMatchObject({ served: undefined, reason: "the worker died at each start" });
  expect(() => registry.step(entry, "ready")).toThrow("internal error");
});

test("refuses a version that is registered twice", () => {
  const registry = new Registry<string>();
  add(registry, "1.0.0");
  expect(() => add(registry, "1.0.0")).toThrow("model 'm' has version '1.0.0' twice");
});

test("orders versions as SemVer does", () => {
  const rising = ["abc", "1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2"];
  rising.push(
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2",
    "2.0.0",
    "10",
  );
  for (let low = 0; low < rising.length; low += 1) {
    for (let high = low + 1; high < rising.length; high += 1) {
      expect(compareVersions(rising[low] ?? "", rising[high] ?? "")).toBeLessThan(0);
      expect(compareVersions(rising[high] ?? "", rising[low] ?? "")).toBeGreaterThan(0);
    }
  }
  expect(compareVersions("1.0.0+a", "1.0.0+b")).toBe(0);
});

test("never leaves `ready` but by draining or failing", () => {
  const states: VersionState[] = ["registered", ...path, "draining", "unloaded", "failed"];
  expect(states.filter((to) => mayStep("ready", to))).toEqual(["draining", "failed"]);
  expect(states.filter((from) => mayStep(from, "ready"))).toEqual(["warming"]);
});

test("a successor answers nobody until it takes the place of the one that serves", () => {
  const registry = new Registry<string>();
  const entry = add(registry, "1.0.0");
  const next = registry.successor(entry);
  for (const state of path) {
    registry.step(next, state, state === "ready" ? { served: "another" } : {});
    expect(registry.find("m", undefined)).toBe("1.0.0");
  }
  expect(registry.replace(next)).toBe("1.0.0");
  expect(registry.find("m", undefined)).toBe("another");
  expect(registry.entry("m", "1.0.0")).toBe(next);
  expect([next.revision, registry.models.get("m")?.versions.size]).toEqual([1, 1]);
  const stray = { ...next, version: "9" };
  expect(() => registry.replace(stray)).toThrow("no version to take the place of");
});

test("a version that drains answers no new request", () => {
  const registry = new Registry<string>();
  add(registry, "1.0.0");
  const entry = add(registry, "2.0.0");
  registry.step(entry, "draining", { reason: "unloading" });
  expect(registry.find("m", undefined)).toBe("1.0.0");
  expect(() => registry.find("m", "2.0.0")).toThrow("version '2.0.0' of model 'm' is draining");
});
