/**
 * `ModelStreamInfer`: requests in, replies out in their order, many under way at once.
 *
 * A request that fails is answered by a message that says so, and the stream goes on; a caller who
 * sends the metadata `triton_grpc_error: true` wants the stream to end with a status instead.
 */
import { ServingError } from "../../../base/index.ts";
import type { Service } from "../../../service/index.ts";
import type { MethodCall, StreamReader } from "../method.ts";
import { OrderedReplies, type ReplyFrame } from "../ordered-replies.ts";
import { requestIdOf } from "./decode.ts";
import { encodeStreamError, encodeStreamReply } from "./encode.ts";
import { runInfer } from "./infer.ts";

/** Opens one stream. @throws OVERLOADED */
export function streamInfer(service: Service, call: MethodCall): StreamReader {
  const endsWithStatus = call.headers["triton_grpc_error"] === "true";
  return new OrderedReplies({
    call,
    service,
    async answer(work, message): Promise<ReplyFrame> {
      const reply = await runInfer(service, work, message);
      const encoded = encodeStreamReply(reply);
      work.writtenAtMs = service.clock.nowMs();
      return encoded;
    },
    failed(thrown, message) {
      const error = ServingError.from(thrown);
      if (endsWithStatus) return undefined;
      return { frame: encodeStreamError(error.message, requestIdOf(message)), rest: [] };
    },
  });
}
