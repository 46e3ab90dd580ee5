/**
 * Writes the answer of a call here when it is small, in a thread of the door when it is not.
 */
import type { Cancellation } from "../../../base/index.ts";
import type { Offload, Tensor } from "../../../tensor/index.ts";
import { classesBody, regressionsBody } from "./examples.ts";
import { type OutputsForm, outputsBody, predictionsBody } from "./write-outputs.ts";

/** JSON elements above which an answer is written in a thread (4 ms at 5 million a second). */
const inlineElementsMax = 20_000;

/** What an answer holds. */
export type AnswerKind = "predictions" | "outputs" | "classes" | "regressions";

export interface TfsReply {
  readonly kind: AnswerKind;
  readonly outputs: readonly Tensor[];
  readonly form: OutputsForm;
}

const writers: Readonly<Record<AnswerKind, typeof predictionsBody>> = {
  predictions: predictionsBody,
  outputs: outputsBody,
  classes: classesBody,
  regressions: regressionsBody,
};

/** @throws OUTPUT_NOT_REPRESENTABLE */
export function writeTfsReply({ kind, outputs, form }: TfsReply): string {
  return writers[kind](outputs, form);
}

/** @throws as `writeTfsReply`; in a thread also OVERLOADED, INTERNAL (the thread died) */
export async function writeAnywhere(
  threads: Offload,
  reply: TfsReply,
  cancellation: Cancellation,
): Promise<string | Buffer> {
  let elements = 0;
  for (const tensor of reply.outputs) elements += tensor.elements.length;
  if (elements <= inlineElementsMax) return writeTfsReply(reply);
  const written = await threads.run({ task: "writeTfs", payload: reply, cancellation });
  const { buffer, byteOffset, byteLength } = written as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
