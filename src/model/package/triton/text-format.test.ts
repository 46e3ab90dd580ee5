// Goal: the text format is read as protobuf reads it, and nothing in a file can hurt the reader.
// Method: each form by hand, then random trees written in random styles and read back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ServingError } from "../../../base/index.ts";
import { parseTextFormat, type TextMessage, type TextValue } from "./text-format.ts";

/** A message as plain objects: every field a list. */
function plain(value: TextValue): unknown {
  if (value.kind !== "message") return value.kind === "string" ? `"${value.text}"` : value.text;
  return Object.fromEntries([...value.fields].map(([key, values]) => [key, values.map(plain)]));
}

function parse(text: string): unknown {
  return plain(parseTextFormat(text, "config.pbtxt"));
}

function refusal(text: string): string {
  try {
    parseTextFormat(text, "config.pbtxt");
  } catch (thrown) {
    if (ServingError.is(thrown)) return thrown.message;
    throw thrown;
  }
  return "let in";
}

test("reads fields with and without colon, lists, repeats, marks and comments", () => {
  const text = `# head
name: "a" kind: KIND_CPU, size: -1; f: 1.5e3f
input { name: 'x' dims: [ 1, -1, 3, ] } # tail
input: { dims: 4 dims: 5 }
group [ { count: 1 }, < count: 2 > ]
empty: []
`;
  expect(parse(text)).toEqual({
    name: ['"a"'],
    kind: ["KIND_CPU"],
    size: ["-1"],
    f: ["1.5e3f"],
    input: [{ name: ['"x"'], dims: ["1", "-1", "3"] }, { dims: ["4", "5"] }],
    group: [{ count: ["1"] }, { count: ["2"] }],
    empty: [],
  });
  expect(parse("")).toEqual({});
});

test("resolves escapes and joins neighbouring strings", () => {
  expect(parse(String.raw`a: "x\n\t\"\x41\101" 'b' "ż"`)).toEqual({ a: ['"x\n\t"AAbż"'] });
});

test("knows the line of each value", () => {
  const message = parseTextFormat("a: 1\n\nb {\n  c: 2\n}\n", "config.pbtxt");
  const inner = message.fields.get("b")?.[0] as TextMessage;
  expect(inner.fields.get("c")?.[0]?.line).toBe(4);
});

test.each([
  ["an open message", "a {\n b: 1"],
  ["an open list", "a: [1"],
  ["an open string", 'a: "x\n'],
  ["a value without colon", "a 1"],
  ["a field without value", "a:"],
  ["a wrong bracket", "a { b: 1 >"],
  ["a stray bracket", "}"],
  ["an extension", "[type.googleapis.com/x] { }"],
  ["a strange character", "a: \u0001"],
  ["an escape of a byte", 'a: "\\xff"'],
  ["an unknown escape", 'a: "\\q"'],
  ["too deep nesting", "a {".repeat(40)],
])("refuses %s", (_name, text) => {
  expect(refusal(text)).toMatchSnapshot();
});

test("reads back what was written, in any style", () => {
  const key = fc.stringMatching(/^[a-z_]{1,5}$/);
  const scalar = fc.oneof(
    fc.integer().map(String),
    fc.constantFrom("TYPE_FP32", "true", "KIND_GPU"),
    fc.stringMatching(/^[ -!#-&(-[\]-~é한]{0,6}$/).map((text) => `"${text}"`),
  );
  const { message } = fc.letrec<{ message: Record<string, unknown[]> }>((tie) => ({
    message: fc.dictionary(
      key,
      fc.array(fc.oneof({ depthSize: "small" }, scalar, tie("message")), {
        minLength: 1,
        maxLength: 3,
      }),
      { maxKeys: 4, noNullPrototype: true },
    ),
  }));
  fc.assert(
    fc.property(message, fc.infiniteStream(fc.nat(5)), (tree, styles) => {
      const style = () => styles.next().value;
      expect(parse(write(tree, style))).toEqual(tree);
    }),
  );
});

function write(tree: Record<string, unknown[]>, style: () => number): string {
  let text = "";
  for (const [key, values] of Object.entries(tree)) {
    const written = values.map((value) => {
      if (typeof value === "string") return value;
      const [open, close] = style() === 0 ? ["<", ">"] : ["{", "}"];
      return `${open}${write(value as Record<string, unknown[]>, style)}${close}`;
    });
    const separator = [" ", "\n", " ; ", ",", " # x\n", "\t"][style()] ?? " ";
    if (style() < 2) text += `${key}: [${written.join(", ")}]${separator}`;
    else text += written.map((value) => `${key}:${value}${separator}`).join("");
  }
  return text;
}
