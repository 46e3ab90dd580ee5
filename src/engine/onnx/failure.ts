/**
 * Sorts what the engine throws into our codes, by its own words.
 *
 * The engine's text holds paths and is never shown to a caller: it goes into `cause`, for the log.
 * The sentence that is shown says what kind of fault it was and what to do. Text that is not known
 * falls to a general sentence of the same code, so a new version of the engine changes no code.
 */
import { ServingError } from "../../base/index.ts";

interface Known {
  /** A piece of the engine's text, lower case. */
  readonly text: string;
  readonly sentence: string;
}

const knownLoads: readonly Known[] = [
  {
    text: "unsupported data type",
    sentence:
      "an input or output has an element type that the engine cannot exchange " +
      "(bfloat16 or float8): export it with float32 or float16 inputs and outputs",
  },
  {
    text: "failed to construct locale",
    sentence:
      "it needs the locale en_US.UTF-8: install it, or generate it into a folder named by LOCPATH",
  },
  {
    text: "protobuf parsing failed",
    sentence: "the file is damaged, cut off, or no ONNX model: copy or export it again",
  },
  {
    text: "does not have a graph",
    sentence: "the file holds no model: copy or export it again",
  },
  {
    text: "type error:",
    sentence: "the types in its graph contradict each other: export it again",
  },
  {
    text: "is not a registered function/op",
    sentence:
      "it uses an operator that the engine does not have: export it without custom operators",
  },
  {
    text: "no op registered",
    sentence:
      "it uses an operator that the engine does not have: export it without custom operators",
  },
  {
    text: "could not find an implementation",
    sentence: "it uses an operator for element types that the engine has no kernel for",
  },
  {
    text: "unsupported model ir version",
    sentence: "its IR version is newer than the engine: export it for an older one",
  },
  {
    text: "opset",
    sentence: "it uses an opset that the engine does not support: export it for another one",
  },
  {
    text: "external data",
    sentence: "its external data cannot be read: put the data file beside the model, whole",
  },
  {
    text: "doesn't exist",
    sentence: "a file of it is missing: check that the whole package was copied",
  },
  {
    text: "bad allocation",
    sentence: "there is not enough memory for it",
  },
  {
    text: "failed to allocate memory",
    sentence: "there is not enough memory for it",
  },
];

const knownRuns: readonly Known[] = [
  { text: "got invalid dimensions for input", sentence: "an input has a shape the model refuses" },
  { text: "invalid rank for input", sentence: "an input has a rank the model refuses" },
  { text: "unexpected input data type", sentence: "an input has a dtype the model refuses" },
  { text: "is missing in 'feeds'", sentence: "a required input is missing" },
];

/** MODEL_LOAD_FAILED for what `InferenceSession.create` threw. */
export function loadFailure(thrown: unknown): ServingError {
  const text = withoutPath(engineText(thrown).toLowerCase());
  const sentence =
    knownLoads.find((known) => text.includes(known.text))?.sentence ??
    "the engine refused it: the log has the engine's words";
  return new ServingError("MODEL_LOAD_FAILED", `the model cannot be loaded: ${sentence}`, {
    cause: thrown,
  });
}

/** What a run threw: ours unchanged, the engine's as INPUT_REJECTED_BY_MODEL. */
export function runFailure(thrown: unknown): ServingError {
  if (ServingError.is(thrown)) return thrown;
  const text = engineText(thrown).toLowerCase();
  if (text.includes("failed to allocate memory") || text.includes("bad allocation")) {
    return new ServingError("MEMORY_EXHAUSTED", "there is not enough memory for this run", {
      cause: thrown,
    });
  }
  const sentence =
    knownRuns.find((known) => text.includes(known.text))?.sentence ??
    "the engine refused these inputs";
  const message = `the model cannot run on this input: ${sentence}`;
  return new ServingError("INPUT_REJECTED_BY_MODEL", message, { cause: thrown });
}

/** Drops the file's path, which may hold any word we look for. */
function withoutPath(text: string): string {
  const end = text.startsWith("load model from ") ? text.indexOf(" failed:") : -1;
  return text.slice(end + 1);
}

/** The words of anything thrown, for the log. */
function engineText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
