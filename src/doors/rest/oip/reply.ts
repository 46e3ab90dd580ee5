/**
 * Writes the reply of an inference request: JSON alone, or JSON with the raw tensors behind it.
 */
import { ServingError } from "../../../base/index.ts";
import type { ServedVersion } from "../../../service/index.ts";
import {
  type OipReply,
  type OipReplyOutput,
  type Tensor,
  writeOipReply,
} from "../../../tensor/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "../http/exchange.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import { isLargeReply, writeOipApart } from "../offload/threads.ts";
import type { Asked, InferRoute } from "./asked.ts";
import { bestClasses } from "./classification.ts";

/** The names that open the replies of a version; an entry goes with its version. */
const namesOf = new WeakMap<ServedVersion, string>();

export interface Answered {
  readonly asked: Asked;
  /** In the order asked. */
  readonly outputs: readonly Tensor[];
}

/** A reply: JSON (text, or UTF-8 where a thread wrote it) and the tensors behind it. */
export interface WrittenInference {
  readonly text: string | Buffer;
  readonly parts: readonly Uint8Array[];
}

/** @throws OUTPUT_NOT_REPRESENTABLE, INVALID_INPUT (classes of an output that has none) */
export async function writeInference(
  route: InferRoute,
  call: Call,
  { asked, outputs }: Answered,
): Promise<WrittenInference> {
  const reply = replyOf(asked, outputs);
  if (!isLargeReply(jsonElements(reply))) return writeOipReply(reply);
  route.service.metrics.http.repliesOffloaded += 1;
  const { text, parts } = await writeOipApart(route.threads, call, reply);
  return { text: Buffer.from(text.buffer, text.byteOffset, text.length), parts };
}

/** What a reply says, before it is written. */
export function replyOf(asked: Asked, outputs: readonly Tensor[]): OipReply {
  return {
    names: replyNames(asked.served),
    id: asked.id,
    outputs: outputs.map((tensor, position) => outputOf(asked, tensor, position)),
  };
}

/** Answers the exchange with what was written. */
export function sendInference(
  { service, binaryType }: InferRoute,
  exchange: Exchange,
  { text, parts }: WrittenInference,
): void {
  const timing = serverTimingLine(exchange.times, service.clock.nowMs());
  if (parts.length === 0) {
    exchange.reply({ status: 200, contentType: "application/json", lines: timing }, text);
    return;
  }
  const head = typeof text === "string" ? Buffer.from(text) : text;
  exchange.replyParts(
    {
      status: 200,
      contentType: binaryType?.(head.length) ?? "application/octet-stream",
      lines: `Inference-Header-Content-Length: ${head.length}\r\n${timing}`,
    },
    [head, ...parts],
  );
}

function outputOf(asked: Asked, tensor: Tensor, position: number): OipReplyOutput {
  const { served, wanted, outputs, isBinaryDefault } = asked;
  const { signature } = served;
  const spec = signature.outputs[wanted?.[position] ?? position];
  if (spec === undefined) throw ServingError.from(new RangeError("more outputs than were asked"));
  const { isBinary = isBinaryDefault, classes = 0 } = outputs[position] ?? {};
  const hasItems = signature.layout.kind !== "none";
  const shown = classes === 0 ? tensor : bestClasses(tensor, { spec, classes, hasItems });
  return { name: spec.name, tensor: shown, isBinary };
}

function jsonElements(reply: OipReply): number {
  let count = 0;
  for (const { tensor, isBinary } of reply.outputs) if (!isBinary) count += tensor.elements.length;
  return count;
}

function replyNames(served: ServedVersion): string {
  const known = namesOf.get(served);
  if (known !== undefined) return known;
  const { model, version } = served;
  const made = `"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`;
  namesOf.set(served, made);
  return made;
}
