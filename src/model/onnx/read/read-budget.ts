/**
 * Bounds what reading a model file may cost, whatever the file says.
 *
 * Counted while reading, so a file of a million empty nodes is refused at the limit and not after.
 * Depths are below those at which the engine's own parser gives up.
 */
import { ServingError } from "../../../base/index.ts";

/** Deepest nesting of Loop, If and Scan bodies, level. */
const graphDepthMax = 30;
/** Tensors, values, attributes, names and pairs together, per node that is allowed. */
const partsPerNode = 40;

export class ReadBudget {
  readonly #nodesMax: number;
  #nodes = 0;
  #parts = 0;

  /** @param nodesMax the limit `modelNodesMax` */
  constructor(nodesMax: number) {
    this.#nodesMax = nodesMax;
  }

  get nodeCount(): number {
    return this.#nodes;
  }

  /** @throws MODEL_INVALID past `modelNodesMax` */
  takeNode(): void {
    this.#nodes += 1;
    if (this.#nodes <= this.#nodesMax) return;
    throw new ServingError(
      "MODEL_INVALID",
      `the graph has more than ${this.#nodesMax} nodes; simplify the model or raise modelNodesMax`,
      { limit: "modelNodesMax" },
    );
  }

  /** @throws MODEL_INVALID when the file holds absurdly many small parts */
  takePart(): void {
    this.#parts += 1;
    if (this.#parts <= this.#nodesMax * partsPerNode) return;
    throw new ServingError(
      "MODEL_INVALID",
      `the file holds more than ${this.#nodesMax * partsPerNode} tensors, values and attributes; ` +
        "simplify the model or raise modelNodesMax",
      { limit: "modelNodesMax" },
    );
  }

  /** @throws MODEL_INVALID when a body lies too deep */
  checkGraphDepth(depth: number): void {
    if (depth <= graphDepthMax) return;
    throw new ServingError(
      "MODEL_INVALID",
      `subgraphs are nested more than ${graphDepthMax} deep; flatten the Loop, If or Scan nodes`,
    );
  }
}
