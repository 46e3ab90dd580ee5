/**
 * Methods that answer a plain value with a plain value, by the descriptors of both.
 */
import { messageType, type PlainMessage } from "./messages.ts";
import type { UnaryMethod } from "./method.ts";

/** Full names of the messages of a method. */
export interface MethodTypes {
  readonly request: string;
  readonly response: string;
}

/** A question that is answered at once, also while the server starts or stops. */
export function plainMethod(
  types: MethodTypes,
  answer: (request: PlainMessage) => object,
): UnaryMethod {
  const request = messageType(types.request);
  const response = messageType(types.response);
  return {
    kind: "unary",
    isWork: false,
    handle: (call, message) => call.reply(response.encode(answer(request.decode(message)))),
  };
}
