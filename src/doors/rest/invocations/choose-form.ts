/**
 * Whose form a JSON body of `/invocations` has: rows as MLflow sends them, tensors of the Open
 * Inference Protocol, or a `/predict` body.
 *
 * The first key that names a form settles it, so the common body costs a look at its first key.
 */
import type { Limits } from "../../../base/index.ts";
import { JsonReader, type Offload } from "../../../tensor/index.ts";
import type { Exchange } from "../http/exchange.ts";

export type BodyForm = "rows" | "tensors" | "simple";

/** The work of a thread. */
export interface FormJob {
  readonly bytes: Uint8Array;
  readonly jsonDepthMax: number;
}

const rowKeys: readonly string[] = ["dataframe_split", "dataframe_records", "instances"];
const simpleKeys: readonly string[] = ["features", "input_data", "text", "texts"];

/** @throws INVALID_REQUEST broken JSON before the first key that names a form */
export function chooseForm(bytes: Buffer, jsonDepthMax: number): BodyForm {
  const reader = new JsonReader(bytes, jsonDepthMax);
  if (reader.peek() !== "object") return "simple";
  reader.enterObject();
  while (reader.nextMember()) {
    const key = reader.keyText();
    if (rowKeys.includes(key)) return "rows";
    if (simpleKeys.includes(key)) return "simple";
    if (key === "inputs") return isTensorNext(reader) ? "tensors" : "rows";
    reader.skipValue();
  }
  return "simple";
}

/** True for a list whose first element is an object with a datatype. */
function isTensorNext(reader: JsonReader): boolean {
  if (reader.peek() !== "array") return false;
  reader.enterArray();
  if (!reader.nextElement() || reader.peek() !== "object") return false;
  reader.enterObject();
  while (reader.nextMember()) {
    if (reader.isKey("datatype")) return true;
    reader.skipValue();
  }
  return false;
}

/** The form of the exchange's body, looked for in a thread when the body is large. */
export function formOf(
  threads: Offload,
  exchange: Exchange,
  { jsonInlineBytesMax, jsonDepthMax }: Limits,
): BodyForm | Promise<BodyForm> {
  const { body, cancellation } = exchange;
  if (body.length <= jsonInlineBytesMax) return chooseForm(body, jsonDepthMax);
  const payload: FormJob = { bytes: body, jsonDepthMax };
  const chosen = threads.run({ task: "chooseForm", payload, cancellation });
  return chosen.then((form) => form as BodyForm);
}
