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

/**
 * A question that is answered also while the server starts or stops; at once, unless the answer has
 * to be gathered.
 */
export function plainMethod(
  types: MethodTypes,
  answer: (request: PlainMessage) => object | Promise<object>,
): UnaryMethod {
  const request = messageType(types.request);
  const response = messageType(types.response);
  return {
    kind: "unary",
    isWork: false,
    handle(call, message) {
      const given = answer(request.decode(message));
      if (!(given instanceof Promise)) {
        call.reply(response.encode(given));
        return;
      }
      given
        .then((gathered) => call.reply(response.encode(gathered)))
        .catch((thrown: unknown) => call.fail(thrown));
    },
  };
}
