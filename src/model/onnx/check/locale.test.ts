// Goal: a locale is found where glibc finds it, and nowhere else.
// Method: folders and an archive written as glibc lays them out.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hasLocale, type LocalePlaces, localePlaces } from "./locale.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-locale-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folderWith(name: string, locales: readonly string[]): string {
  const folder = join(root, name);
  for (const each of locales) {
    mkdirSync(join(folder, each), { recursive: true });
    writeFileSync(join(folder, each, "LC_CTYPE"), "");
  }
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** An archive as glibc writes it: magic at 0, offset and length of the names at 20 and 24. */
function folderWithArchive(name: string, names: string): string {
  const folder = folderWith(name, []);
  const bytes = Buffer.alloc(64 + names.length);
  bytes.writeUInt32LE(0xde020109, 0);
  bytes.writeUInt32LE(64, 20);
  bytes.writeUInt32LE(names.length, 24);
  bytes.write(names, 64, "latin1");
  writeFileSync(join(folder, "locale-archive"), bytes);
  return folder;
}

function places(change: Partial<LocalePlaces>): LocalePlaces {
  return { platform: "linux", locPath: undefined, systemFolder: join(root, "absent"), ...change };
}

const name = "en_US.UTF-8";

test("finds a locale folder of the system in both spellings", () => {
  expect(hasLocale(name, places({}))).toBe(false);
  for (const spelling of ["en_US.UTF-8", "en_US.utf8"]) {
    const systemFolder = folderWith(`system-${spelling}`, [spelling]);
    expect(hasLocale(name, places({ systemFolder }))).toBe(true);
    expect(hasLocale("de_DE.UTF-8", places({ systemFolder }))).toBe(false);
  }
});

test("finds a locale in any folder of LOCPATH", () => {
  const own = folderWith("own", ["en_US.utf8"]);
  expect(hasLocale(name, places({ locPath: `/nowhere:${own}` }))).toBe(true);
  expect(hasLocale(name, places({ locPath: "/nowhere" }))).toBe(false);
});

test("finds a locale in the archive, unless LOCPATH hides it", () => {
  const systemFolder = folderWithArchive("archive", "C.utf8\0en_US.utf8\0");
  expect(hasLocale(name, places({ systemFolder }))).toBe(true);
  expect(hasLocale(name, places({ systemFolder, locPath: "/nowhere" }))).toBe(false);
  expect(hasLocale("n_US.UTF-8", places({ systemFolder }))).toBe(false);
  const broken = folderWith("broken", []);
  writeFileSync(join(broken, "locale-archive"), "short");
  expect(hasLocale(name, places({ systemFolder: broken }))).toBe(false);
});

test("takes the built-in locales and other systems for granted, and no paths", () => {
  expect(hasLocale("C", places({}))).toBe(true);
  expect(hasLocale(name, places({ platform: "darwin" }))).toBe(true);
  const systemFolder = folderWith("outer", ["x"]);
  expect(hasLocale("../outer/x", places({ systemFolder }))).toBe(false);
  expect(hasLocale("", places({ systemFolder }))).toBe(false);
});

test("reads LOCPATH from the environment that the engine will have", () => {
  expect(localePlaces({ LOCPATH: "/some" }).locPath).toBe("/some");
});
