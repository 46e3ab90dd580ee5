// Goal: what a person writes down becomes the body that the server reads, digit for digit.
// Method: each form by hand.
import { expect, test } from "vitest";
import { bodyOf } from "./read-input.ts";

function of(text: string) {
  return bodyOf(text, JSON.parse(text));
}

test("a row, rows and a text become bodies of the simple dialect", () => {
  expect(of("[1, 2.50]")).toEqual({ dialect: "simple", text: '{"features":[1, 2.50]}' });
  expect(of("[[1],[2]]").text).toBe('{"instances":[[1],[2]]}');
  expect(of('[{"age":1}]').text).toBe('{"instances":[{"age":1}]}');
  expect(of('"good"').text).toBe('{"text":"good"}');
});

test("an object is sent as it is; one with a list of inputs goes to the protocol's route", () => {
  expect(of('{"age": 9007199254740993}')).toEqual({
    dialect: "simple",
    text: '{"age": 9007199254740993}',
  });
  expect(of('{"inputs":[]}').dialect).toBe("oip");
  expect(of('{"inputs":3}').dialect).toBe("simple");
});
