// Goal: an input that kills is found and refused; nothing else is, whoever kills the workers.
// Method: instances whose runs the test loses by hand.
import { expect, test } from "vitest";
import { HandInstance, type Rig, rigOf } from "../../../test/support/batcher-rig.ts";
import { ServingError } from "../../base/index.ts";
import { OutsideKill } from "../../engine/index.ts";

const lost = new ServingError("WORKER_LOST", "the worker died while it ran this request");
const timeout = new ServingError("ENGINE_TIMEOUT", "the batch passed its wall clock");
const rejected = new ServingError("INPUT_REJECTED_BY_MODEL", "the engine refused the input");

/** Sends rows as requests of their own and loses the run that they make. */
async function loseBatch({ ask, clock, instance }: Rig, rows: readonly number[]): Promise<void> {
  const answers = rows.map((row) => ask([row]));
  clock.advance(0);
  await instance.fail(lost);
  expect(await Promise.all(answers)).toEqual(rows.map(() => "WORKER_LOST"));
  clock.advance(0);
}

test("fails the whole batch of a dead worker, then runs each of its inputs alone", async () => {
  const rig = rigOf();
  await loseBatch(rig, [1, 2]);
  const answers = [rig.ask([1]), rig.ask([3]), rig.ask([2]), rig.ask([4])];
  rig.clock.advance(0);
  expect(rig.instance.sent.slice(1)).toEqual([[1]]);
  await rig.instance.answer();
  expect(rig.instance.sent.slice(2)).toEqual([[3, 4]]);
  await rig.instance.answer();
  expect(rig.instance.sent.slice(3)).toEqual([[2]]);
  await rig.instance.answer();
  expect(await Promise.all(answers)).toEqual([[10], [30], [20], [40]]);
});

test("lets an input share runs again after one answer", async () => {
  const rig = rigOf();
  await loseBatch(rig, [1, 2]);
  const alone = rig.ask([1]);
  rig.clock.advance(0);
  await rig.instance.answer();
  expect(await alone).toEqual([10]);
  void rig.ask([1]);
  void rig.ask([3]);
  rig.clock.advance(0);
  expect(rig.instance.sent.at(-1)).toEqual([1, 3]);
});

test("takes a refusal by the engine for an answer", async () => {
  const rig = rigOf();
  await loseBatch(rig, [1, 2]);
  const alone = rig.ask([1]);
  rig.clock.advance(0);
  await rig.instance.fail(rejected);
  expect(await alone).toBe("INPUT_REJECTED_BY_MODEL");
  void rig.ask([1]);
  void rig.ask([3]);
  rig.clock.advance(0);
  expect(rig.instance.sent.at(-1)).toEqual([1, 3]);
});

test.each([lost, timeout])(
  "quarantines an input after two deaths while alone: $code",
  async (error) => {
    const counts: number[][] = [];
    const rig = rigOf({ observer: { suspectsChanged: (...given) => counts.push(given) } });
    await loseBatch(rig, [1, 2]);
    for (let death = 0; death < 2; death += 1) {
      const answer = rig.ask([1]);
      rig.clock.advance(0);
      await rig.instance.fail(error);
      expect(await answer).toBe(error.code);
      rig.clock.advance(0);
    }
    expect(await rig.ask([1])).toBe("INPUT_QUARANTINED");
    expect(rig.instance.all).toHaveLength(3);
    expect(counts.at(-1)).toEqual([1, 1]);
  },
);

test("counts deaths up to workerDeathsPerInputMax", async () => {
  const rig = rigOf({ limits: { workerDeathsPerInputMax: 3 } });
  for (let death = 0; death < 3; death += 1) await loseBatch(rig, [1]);
  expect(await rig.ask([1])).toBe("INPUT_QUARANTINED");
});

test("refuses the same input that waited when the quarantine came", async () => {
  const rig = rigOf();
  await loseBatch(rig, [1]);
  const answers = [rig.ask([1]), rig.ask([1]), rig.ask([1])];
  rig.clock.advance(0);
  await rig.instance.fail(lost);
  expect(await Promise.all(answers)).toEqual([
    "WORKER_LOST",
    "INPUT_QUARANTINED",
    "INPUT_QUARANTINED",
  ]);
});

test("quarantines no constant input under which workers are killed from outside", async () => {
  const instances = [new HandInstance(2), new HandInstance(2)] as const;
  const rig = rigOf({ instances, rules: { itemsMax: 4 } });
  const outcomes = new Set<unknown>();
  for (let kill = 0; kill < 200; kill += 1) {
    const answers = Array.from({ length: 1 + (kill % 17) }, () => rig.ask([7]));
    rig.clock.advance(0);
    // Every worker dies in one moment with all that is in it; then they answer again.
    await Promise.all(instances.map((each) => each.die(lost)));
    for (const each of instances) each.setReady(true);
    answers.push(rig.ask([7]));
    rig.clock.advance(0);
    while (instances.some((each) => each.open.length > 0)) {
      for (const each of instances) if (each.open.length > 0) await each.answer();
      rig.clock.advance(0);
    }
    for (const outcome of await Promise.all(answers)) outcomes.add(JSON.stringify(outcome));
  }
  expect(outcomes).toEqual(new Set(["[70]", '"WORKER_LOST"']));
});

test("does not blame an input when somebody kills the worker each time it runs", async () => {
  const rig = rigOf();
  const killed = new ServingError("WORKER_LOST", "killed", { cause: new OutsideKill("SIGKILL") });
  for (let kill = 0; kill < 10; kill += 1) {
    const answer = rig.ask([7]);
    rig.clock.advance(0);
    await rig.instance.fail(killed);
    expect(await answer).toBe("WORKER_LOST");
    rig.clock.advance(0);
  }
  const answer = rig.ask([7]);
  rig.clock.advance(0);
  await rig.instance.answer();
  expect(await answer).toEqual([70]);
});

test("counts one death for one moment in which all workers die", async () => {
  const instances = [new HandInstance(), new HandInstance()] as const;
  const rig = rigOf({ instances });
  void rig.ask([7]);
  rig.clock.advance(0);
  void rig.ask([7]);
  rig.clock.advance(0);
  for (const each of instances) await each.fail(lost);
  void rig.ask([7]);
  void rig.ask([7]);
  rig.clock.advance(0);
  expect(instances.map((each) => each.open.length)).toEqual([1, 0]);
});

test("sends nothing before all losses of a dead worker are known", async () => {
  const instances = [new HandInstance(2), new HandInstance(2)] as const;
  const rig = rigOf({ instances, rules: { itemsMax: 2 } });
  for (const row of [1, 2, 3, 4, 5, 6]) void rig.ask([row]);
  rig.clock.advance(0);
  const [first, second] = instances;
  expect([first.sent, second.sent]).toEqual([
    [
      [1, 2],
      [5, 6],
    ],
    [[3, 4]],
  ]);
  void rig.ask([5]);
  void rig.ask([9]);
  await first.die(lost);
  rig.clock.advance(0);
  await second.answer();
  await second.answer();
  expect(second.sent).toEqual([[3, 4], [5], [9]]);
});

test("keeps a suspect apart from everything else in the worker", async () => {
  const instances = [new HandInstance(2)] as const;
  const rig = rigOf({ instances, rules: { itemsMax: 2 } });
  await loseBatch(rig, [1, 2]);
  void rig.ask([3]);
  rig.clock.advance(0);
  void rig.ask([1]);
  void rig.ask([4]);
  void rig.ask([5]);
  rig.clock.advance(0);
  expect(rig.instance.sent.slice(1)).toEqual([[3]]);
  await rig.instance.answer();
  expect(rig.instance.sent.slice(2)).toEqual([[1]]);
  await rig.instance.answer();
  expect(rig.instance.sent.slice(3)).toEqual([[4, 5]]);
});

test("clears a large request when all of its slices were answered, and not before", async () => {
  const rig = rigOf({ rules: { itemsMax: 2 } });
  const rows = [1, 2, 3];
  const dead = rig.ask(rows);
  rig.clock.advance(0);
  await rig.instance.fail(lost);
  expect(await dead).toBe("WORKER_LOST");
  rig.clock.advance(0);
  const again = rig.ask(rows);
  void rig.ask([9]);
  rig.clock.advance(0);
  await rig.instance.answer();
  await rig.instance.answer();
  expect(await again).toEqual([10, 20, 30]);
  expect(rig.instance.sent.slice(1)).toEqual([[1, 2], [3], [9]]);
});
