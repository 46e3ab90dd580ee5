/**
 * Turns whatever a reader trips over into one refusal.
 *
 * Readers check bounds by throwing; what exactly was wrong helps nobody outside the log. Attributes
 * and elements are read late, so each late read is guarded too.
 */
import { ServingError } from "../../../base/index.ts";

/** @throws MODEL_INVALID for anything that `read` throws, but for refusals of our own */
export function guardRead<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (ServingError.is(thrown)) throw thrown;
    throw new ServingError(
      "MODEL_INVALID",
      "the file is not a readable ONNX model: it is cut short, damaged or of another format; " +
        "export or copy it again",
      { cause: thrown },
    );
  }
}
