/**
 * Writes the reply of an inference request: JSON alone, or JSON with the raw tensors behind it.
 */
import { type Inferred, type ServedVersion, shownOutput } from "../../../service/index.ts";
import {
  type OipReply,
  type OipReplyOutput,
  type OipRequest,
  writeOipReply,
} from "../../../tensor/index.ts";
import type { Call } from "../call.ts";
import type { Exchange } from "../http/exchange.ts";
import { serverTimingLine } from "../http/server-timing.ts";
import { isLargeReply, writeOipApart } from "../offload/threads.ts";
import type { InferRoute } from "./asked.ts";

/** The names that open the replies of a version; an entry goes with its version. */
const namesOf = new WeakMap<ServedVersion, string>();

export interface Answered {
  readonly served: ServedVersion;
  readonly request: OipRequest;
  readonly inferred: Inferred;
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
  answered: Answered,
): Promise<WrittenInference> {
  const reply = replyOf(answered);
  if (!isLargeReply(jsonElements(reply))) return writeOipReply(reply);
  route.service.metrics.http.repliesOffloaded += 1;
  const { text, parts } = await writeOipApart(route.threads, call, reply);
  return { text: Buffer.from(text.buffer, text.byteOffset, text.length), parts };
}

/** What a reply says, before it is written. */
export function replyOf(answered: Answered): OipReply {
  return {
    names: replyNames(answered.served),
    id: answered.request.id,
    outputs: answered.inferred.outputs.map((_, position) => outputOf(answered, position)),
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

function outputOf(answered: Answered, position: number): OipReplyOutput {
  const { served, request, inferred } = answered;
  const { outputs: asked, isBinaryDefault } = request;
  const { name, tensor } = shownOutput(served, inferred, { position, asked });
  return { name, tensor, isBinary: asked[position]?.isBinary ?? isBinaryDefault };
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
