// Goal: ready means that a prediction would be answered, and asking for it costs next to nothing.
// Method: a registry of versions that a test makes ready and not, a fake clock, counted samples.
import { expect, test } from "vitest";
import { FakeClock, ServingError } from "../base/index.ts";
import type { Predictor } from "../predict/index.ts";
import { Registry } from "../registry/index.ts";
import { DeepHealth } from "./deep-health.ts";
import { type ServerPhase, serverHealth } from "./health.ts";
import type { ServedVersion } from "./served-version.ts";
import { sound } from "./standing/standing.ts";

interface Toy {
  isUp: boolean;
  runs: number;
  predict: () => Promise<unknown>;
}

function worldOf() {
  const registry = new Registry<ServedVersion>();
  const served: ServedVersion[] = [];
  const health = (phase: ServerPhase = "serving") => serverHealth(registry, phase);
  const add = (model: string, isRequired: boolean): Toy => {
    const toy: Toy = { isUp: true, runs: 0, predict: async () => {} };
    const predict = () => {
      toy.runs += 1;
      return toy.predict();
    };
    const predictor = { predict } as Partial<Predictor>;
    const isReady = () => toy.isUp;
    const standing = { now: sound };
    const version = { model, version: "1", predictor, standing, isReady } as ServedVersion;
    const entry = registry.register({ model, version: "1", isRequired });
    for (const state of ["validated", "loading", "probing", "warming"] as const) {
      registry.step(entry, state);
    }
    registry.step(entry, "ready", { served: version });
    served.push(version);
    return toy;
  };
  const fail = (model: string) =>
    registry.step(registry.register({ model, version: "1", isRequired: false }), "failed");
  return { health, add, fail, served };
}

test("a server is ready with one of its models, and not with none of them", () => {
  const { health, add, fail } = worldOf();
  expect(health()).toEqual({ isReady: true, isModelLoaded: false, problems: [] });
  fail("broken");
  const none = { isReady: false, isModelLoaded: false, problems: ["no model is ready"] };
  expect(health()).toEqual(none);
  const toy = add("a", false);
  expect(health()).toEqual({ isReady: true, isModelLoaded: true, problems: [] });
  toy.isUp = false;
  expect(health()).toEqual(none);
});

test("a server waits for each model that is required", () => {
  const { health, add } = worldOf();
  const toy = add("a", true);
  add("b", false);
  toy.isUp = false;
  const problems = ["a 1 is restarting its worker"];
  expect(health()).toEqual({ isReady: false, isModelLoaded: true, problems });
  expect(health("draining").problems).toEqual(["the server is draining", ...problems]);
});

test("many who ask deeply share one run, and its findings stand for a second", async () => {
  const { health, add, served } = worldOf();
  const clock = new FakeClock();
  const deep = new DeepHealth({ clock, health, servedVersions: () => served });
  const toy = add("a", false);
  let answer = (): void => {};
  toy.predict = () => new Promise((done) => (answer = () => done(undefined)));
  const first = [deep.look(), deep.look()];
  clock.advance(1_500);
  const late = deep.look();
  answer();
  const sound = { isReady: true, isModelLoaded: true, problems: [] };
  expect(await Promise.all([...first, late])).toEqual([sound, sound, sound]);
  expect(toy.runs).toBe(1);
  toy.predict = () => Promise.reject(new ServingError("WORKER_LOST", "gone"));
  const failed = { ...sound, isReady: false, problems: ["a 1 failed its sample"] };
  expect(await deep.look()).toEqual(failed);
  clock.advance(999);
  toy.predict = async () => {};
  expect(await deep.look()).toEqual(failed);
  expect(toy.runs).toBe(2);
  clock.advance(1);
  expect(await deep.look()).toEqual(sound);
});

test("a model that is away has no sample to fail, and its state is of now", async () => {
  const { health, add, served } = worldOf();
  const deep = new DeepHealth({ clock: new FakeClock(), health, servedVersions: () => served });
  add("a", false);
  const toy = add("b", true);
  expect((await deep.look()).isReady).toBe(true);
  toy.isUp = false;
  expect((await deep.look()).problems).toEqual(["b 1 is restarting its worker"]);
  expect(toy.runs).toBe(1);
});
