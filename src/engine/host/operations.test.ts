// Goal: the clock runs for the oldest operation only. Method: steps on a fake clock.
import { expect, test } from "vitest";
import { FakeClock, ServingError } from "../../base/index.ts";
import { OutsideKill } from "../outside-kill.ts";
import { type Death, errorOfDeath } from "./death.ts";
import { type Operation, Operations } from "./operations.ts";

function operation(id: number, kind: Operation["kind"] = "run"): Operation {
  return { kind, id, msMax: 100, answer: () => {}, fail: () => {} };
}

test("starts the clock of an operation when it becomes the oldest", () => {
  const clock = new FakeClock();
  const operations = new Operations(clock);
  expect(operations.headSinceMs).toBeUndefined();
  operations.add(operation(1));
  clock.advance(10);
  operations.add(operation(2));
  operations.add(operation(3));
  expect(operations.headSinceMs).toBe(0);
  expect(operations.take(3)?.id).toBe(3);
  expect(operations.headSinceMs).toBe(0);
  clock.advance(5);
  expect(operations.take(1)?.id).toBe(1);
  expect(operations.headSinceMs).toBe(15);
  expect(operations.take(9)).toBeUndefined();
  expect(operations.takeAll().map((each) => each.id)).toEqual([2]);
  expect(operations.head).toBeUndefined();
});

test("numbers operations within 32 bits and never with 0", () => {
  const operations = new Operations(new FakeClock());
  expect([operations.nextId(), operations.nextId()]).toEqual([1, 2]);
});

test("refuses one operation over the limit", () => {
  const operations = new Operations(new FakeClock());
  for (let id = 1; id <= 4_096; id += 1) operations.add(operation(id));
  expect(() => operations.add(operation(5_000))).toThrow(ServingError);
  expect(operations.count).toBe(4_096);
});

test("tells each operation what the death means for it", () => {
  const codes = (kind: Death["kind"]) =>
    (["run", "load", "hello"] as const).map((each) => {
      const death = { kind, words: "SIGSEGV at /a/path" };
      const error = errorOfDeath(operation(1, each), true, death);
      expect(error.message).not.toContain("/");
      expect(error.cause).toBe(death.words);
      return error.code;
    });
  expect(codes("exit")).toEqual(["WORKER_LOST", "MODEL_LOAD_FAILED", "WORKER_LOST"]);
  expect(codes("hang")).toEqual(["ENGINE_TIMEOUT", "MODEL_LOAD_FAILED", "WORKER_LOST"]);
  expect(codes("memory")).toEqual(["WORKER_LOST", "MODEL_LOAD_FAILED", "WORKER_LOST"]);
  expect(codes("closed")).toEqual(["MODEL_NOT_READY", "MODEL_NOT_READY", "MODEL_NOT_READY"]);
  const killed = errorOfDeath(operation(1), true, { kind: "killed", words: "SIGKILL" });
  expect([killed.code, killed.cause]).toEqual(["WORKER_LOST", new OutsideKill("SIGKILL")]);
  const behind = errorOfDeath(operation(2, "load"), false, { kind: "hang", words: "" });
  expect(behind.code).toBe("WORKER_LOST");
});
