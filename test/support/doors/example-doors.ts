/**
 * TensorFlow Serving's doors for lists of examples, over REST and gRPC: `classify` answers scores
 * with their labels, `regress` one number for each example.
 *
 * An example is a row of the request, its features the inputs by name. A `tf.Example` has lists of
 * 32-bit floats, of int64 and of bytes; its answers are 32-bit floats.
 */
import type { Plain } from "../grpc-client.ts";
import type { ClientTensor } from "../oip-client.ts";
import { call, postExact } from "./ask.ts";
import type { Door, Servers } from "./door.ts";
import { type Element, flat } from "./exact-json.ts";
import { isHalf, noJson, type Part, type Question, shownOutputs, stackedRows } from "./question.ts";

type Verb = "classify" | "regress";

/** The examples as JSON has them, or `undefined` where the inputs have no rows in common. */
function examplesOf(question: Question): Plain[] | undefined {
  const [only, ...more] = question.inputs;
  return stackedRows(question)?.map((row) => {
    if (only === undefined) return {};
    return more.length === 0 ? { [only.name]: row } : (row as Plain);
  });
}

/** The output that answers, or why there is none. */
function answering(question: Question, verb: Verb): ClientTensor | string {
  const { prediction, scores } = shownOutputs(question);
  if (verb === "classify") return scores ?? "the model gives no scores of classes";
  if (scores !== undefined) return "the model gives classes";
  if (prediction === undefined || prediction.datatype === "BYTES") return "the model gives texts";
  const isOneEach = prediction.values.length === (prediction.shape[0] ?? 1);
  return isOneEach ? prediction : "the model gives no single number for each example";
}

/** What both protocols want of a question. */
function unfit(question: Question, verb: Verb): string | undefined {
  const output = answering(question, verb);
  if (typeof output === "string") return output;
  if (examplesOf(question) === undefined) return "the inputs have no rows in common";
  return undefined;
}

function noExamples(question: Question, verb: Verb): string | undefined {
  const output = answering(question, verb);
  const told = typeof output === "string" ? undefined : output;
  return unfit(question, verb) ?? noJson([...question.inputs, told]);
}

/** The same for `tf.Example`s and 32-bit floats. */
function noFeatures(question: Question, verb: Verb): string | undefined {
  const reason = unfit(question, verb);
  if (reason !== undefined) return reason;
  const { inputs, details } = question;
  if (inputs.some(isHalf)) return "halves are no features";
  const isFree = details.inputs.some(({ shape }) => shape.slice(1).some((size) => size < 0));
  if (isFree) return "a feature has a free dimension";
  const output = answering(question, verb);
  if (typeof output === "string" || output.datatype.startsWith("FP")) return undefined;
  const areWhole = output.values.every((each) => Math.fround(Number(each)) === Number(each));
  return areWhole ? undefined : "a whole number is no 32-bit float";
}

/** What the lists of features cannot hold. */
function wordless(question: Question): string | undefined {
  return question.inputs.every(isFeature) ? undefined : "an input is no 32-bit float";
}

function isFeature({ datatype, values }: ClientTensor): boolean {
  return datatype !== "FP64" || values.every((each) => Object.is(Math.fround(Number(each)), each));
}

/** The parts of an answer: labels beside scores, or numbers. @param is32 they are 32-bit floats */
function wanted(question: Question, verb: Verb, is32: boolean): Part[] {
  const output = answering(question, verb);
  if (typeof output === "string") return [];
  const datatype = is32 ? "FP32" : output.datatype;
  const elements = is32 ? output.values.map((each) => Math.fround(Number(each))) : output.values;
  if (verb === "regress") return [{ name: "numbers", elements, datatype }];
  const { labels } = shownOutputs(question);
  const width = elements.length / (output.shape[0] ?? 1);
  const names = elements.map((_, index) => String(labels?.[index % width] ?? ""));
  return [
    { name: "labels", elements: names, datatype: "BYTES" },
    { name: "scores", elements, datatype },
  ];
}

async function askRest({ main }: Servers, question: Question, verb: Verb): Promise<Part[]> {
  const url = `${main.url}/v1/models/${question.model}:${verb}`;
  const examples = examplesOf(question) ?? [];
  const { results } = (await postExact({ url, body: { examples } })) as { results: unknown[] };
  if (verb === "regress") return [{ name: "numbers", elements: flat(results) }];
  const classes = (results as [string, Element][][]).flat();
  return classParts(classes);
}

function classParts(classes: readonly (readonly [label: string, score: Element])[]): Part[] {
  return [
    { name: "labels", elements: classes.map(([label]) => label) },
    { name: "scores", elements: classes.map(([, score]) => score) },
  ];
}

/** Static: the list of a feature that has each datatype; whole numbers are int64. */
const lists: Readonly<Record<string, string>> = {
  FP32: "float_list",
  FP64: "float_list",
  BYTES: "bytes_list",
};

function featureOf({ datatype }: ClientTensor, value: unknown): Plain {
  const elements = flat(value);
  const list = lists[datatype] ?? "int64_list";
  if (list === "float_list") return { [list]: { value: elements } };
  const isBytes = list === "bytes_list";
  return {
    [list]: {
      value: elements.map((each) => (isBytes ? Buffer.from(String(each)) : String(Number(each)))),
    },
  };
}

async function askGrpc({ main }: Servers, question: Question, verb: Verb): Promise<Part[]> {
  const examples = (examplesOf(question) ?? []).map((example) => ({
    features: {
      feature: Object.fromEntries(
        question.inputs.map((each) => [each.name, featureOf(each, example[each.name])]),
      ),
    },
  }));
  const method = verb === "classify" ? "Classify" : "Regress";
  const { result } = await call(main.grpc, `tensorflow.serving.PredictionService/${method}`, {
    model_spec: { name: question.model },
    input: { example_list: { examples } },
  });
  if (verb === "regress") {
    const { regressions } = result as { regressions: { value: number }[] };
    return [{ name: "numbers", elements: regressions.map(({ value }) => value) }];
  }
  const { classifications } = result as {
    classifications: { classes: { label: string; score: number }[] }[];
  };
  const all = classifications.flatMap(({ classes }) => classes);
  return classParts(all.map(({ label, score }) => [label, score] as const));
}

const restDoor = (verb: Verb): Door => ({
  cannot: (question) => noExamples(question, verb),
  wanted: (question) => wanted(question, verb, false),
  ask: (servers, question) => askRest(servers, question, verb),
});

const grpcDoor = (verb: Verb): Door => ({
  cannot: (question) => noFeatures(question, verb),
  wordless: (question) =>
    noFeatures(question, verb) === undefined ? wordless(question) : undefined,
  wanted: (question) => wanted(question, verb, true),
  ask: (servers, question) => askGrpc(servers, question, verb),
});

/** Each by its name. */
export const exampleDoors: Readonly<Record<string, Door>> = {
  "TF Serving REST, classify": restDoor("classify"),
  "TF Serving REST, regress": restDoor("regress"),
  "TF Serving gRPC, classify": grpcDoor("classify"),
  "TF Serving gRPC, regress": grpcDoor("regress"),
};
