// Goal: the memory of suspects is bounded and forgets the ones not seen for longest.
// Method: one more than it holds.
import { expect, test } from "vitest";
import { requestOf } from "../../../test/support/batcher-rig.ts";
import { Suspects } from "./suspects.ts";

const suspectsMax = 1_024;
const inCompany = { known: undefined, wasAlone: false, wasOutside: false };
const alone = { known: undefined, wasAlone: true, wasOutside: false };

test("forgets the suspect that was not seen for longest, one at its maximum", () => {
  const suspects = new Suspects(2);
  for (let row = 0; row < suspectsMax; row += 1) suspects.accuse(requestOf([row]), inCompany);
  expect(suspects.suspectCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([0]))).toBeDefined();
  suspects.accuse(requestOf([suspectsMax]), inCompany);
  expect(suspects.suspectCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([1]))).toBeUndefined();
  expect(suspects.find(requestOf([0]))).toBeDefined();
});

test("keeps quarantined inputs when suspects are forgotten, and forgets the oldest of them", () => {
  const suspects = new Suspects(1);
  for (let row = 0; row <= suspectsMax; row += 1) suspects.accuse(requestOf([row]), alone);
  expect(suspects.quarantinedCount).toBe(suspectsMax);
  expect(suspects.find(requestOf([0]))).toBeUndefined();
  expect(suspects.find(requestOf([1]))?.state).toBe("quarantined");
  for (let row = 0; row <= suspectsMax; row += 1) {
    suspects.accuse(requestOf([row + 5_000]), inCompany);
  }
  expect(suspects.find(requestOf([2]))?.state).toBe("quarantined");
});

test("holds nothing after all suspects are cleared", () => {
  const suspects = new Suspects(2);
  const record = suspects.accuse(requestOf([1]), inCompany);
  suspects.clear(record);
  expect([suspects.suspectCount, suspects.find(requestOf([1]))]).toEqual([0, undefined]);
});

test("takes sixteen kills from outside for one death", () => {
  const suspects = new Suspects(1);
  const outside = { known: undefined, wasAlone: true, wasOutside: true };
  const record = suspects.accuse(requestOf([1]), outside);
  for (let kill = 2; kill <= 15; kill += 1) {
    suspects.accuse(requestOf([1]), { ...outside, known: record });
  }
  expect(record.state).toBe("suspect");
  suspects.accuse(requestOf([1]), { ...outside, known: record });
  expect(record.state).toBe("quarantined");
});

test("lets an answer end a quarantine", () => {
  const suspects = new Suspects(1);
  const record = suspects.accuse(requestOf([1]), alone);
  expect(record.state).toBe("quarantined");
  suspects.clear(record);
  expect([suspects.quarantinedCount, suspects.find(requestOf([1]))]).toEqual([0, undefined]);
  expect(suspects.isEmpty).toBe(true);
});

test("several fronts that tell each other find what one would have found", () => {
  const fronts: Suspects[] = [];
  for (let index = 0; index < 3; index += 1) {
    const own = new Suspects(2, (news) => {
      for (const other of fronts) if (other !== own) other.learn(news);
    });
    fronts.push(own);
  }
  const [first, second, third] = fronts;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  const request = requestOf([1]);
  first.accuse(request, alone);
  const known = second.find(request);
  expect([known?.state, known?.deaths]).toEqual(["suspect", 1]);
  // The second death is seen by another front, and refuses the input on all.
  second.accuse(request, { known, wasAlone: true, wasOutside: false });
  expect(fronts.map((each) => each.find(request)?.state)).toEqual(Array(3).fill("quarantined"));
  // An answer on any front acquits it on all.
  const other = requestOf([2]);
  third.accuse(other, inCompany);
  expect(fronts.map((each) => each.suspectCount)).toEqual([1, 1, 1]);
  const record = first.find(other);
  if (record !== undefined) first.clear(record);
  expect(fronts.map((each) => each.suspectCount)).toEqual([0, 0, 0]);
  expect(fronts.map((each) => each.quarantinedCount)).toEqual([1, 1, 1]);
});
