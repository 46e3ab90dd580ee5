/**
 * A socket of one model on which tensors travel, as callers have it.
 */
import type { InputsOf, ModelName, OutputsOf } from "../models.ts";
import type { InferAnswer } from "../rest/infer.ts";
import { type InferWishes, readInferBody } from "../tensor/oip-body.ts";
import type { TensorInput } from "../tensor/tensor.ts";
import type { SocketCallOptions, Within } from "./model-socket.ts";
import type { SocketConnection } from "./socket-connection.ts";
import { type TensorBody, writeTensorFrame } from "./tensor-frames.ts";

/** What may be said about one inference on a socket. */
export interface SocketInferOptions extends SocketCallOptions, Omit<InferWishes, "id"> {}

/**
 * Inferences of one model over a WebSocket, many in flight at once, tensors as binary both ways.
 * Made by `client.tensorSocket`.
 */
export class TensorSocket<M extends ModelName> {
  readonly #connection: SocketConnection<TensorBody>;
  readonly #within: Within;

  constructor(connection: SocketConnection<TensorBody>, within: Within) {
    this.#connection = connection;
    this.#within = within;
  }

  /** Runs the model on tensors. @throws MillraceError */
  async infer(
    inputs: { readonly [N in keyof InputsOf<M>]: TensorInput },
    options: SocketInferOptions = {},
  ): Promise<InferAnswer<M>> {
    const { outputs: wanted, parameters } = options;
    const { bytes, jsonBytes } = await this.#within(options, (deadline) =>
      this.#connection.ask(
        (id) => writeTensorFrame(inputs, { id, outputs: wanted, parameters }),
        deadline,
      ),
    );
    const { outputs, model, version } = readInferBody(bytes, jsonBytes);
    return { outputs: outputs as OutputsOf<M>, model, version, requestId: "" };
  }

  /** Ends the connection; what is under way fails with CANCELLED. */
  close(): void {
    this.#connection.close();
  }
}
