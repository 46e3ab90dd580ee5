/**
 * The demo of a model of the user's own: its signature, one real request, its answer.
 *
 * The request is the server's own example: what the model answered when it was loaded.
 */
import { type Client, jsonOf } from "./client.ts";
import type { Show } from "./exchange-view.ts";
import { dim, red, table } from "./terminal.ts";

const modelsShownMax = 5;

interface TensorDetails {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly columns?: readonly { readonly name: string }[];
  readonly labels?: readonly (string | number)[];
}

export interface ModelDetails {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly ready: boolean;
  readonly reason?: string;
  readonly inputs?: readonly TensorDetails[];
  readonly outputs?: readonly TensorDetails[];
  readonly batching?: { readonly layout: string; readonly reason?: string };
  readonly warnings?: readonly string[];
  /** A body for POST /predict that this version answers. */
  readonly example?: unknown;
}

/** Details of every model of the server, a few at most. */
export async function modelDetails(client: Client): Promise<ModelDetails[]> {
  const names = Object.keys(jsonOf(await client.get("/models")));
  const details: ModelDetails[] = [];
  for (const name of names.slice(0, modelsShownMax)) {
    const reply = await client.get(`/models/${encodeURIComponent(name)}`);
    details.push(jsonOf(reply) as Partial<ModelDetails> as ModelDetails);
  }
  return details;
}

/** Shows a model and sends its example. */
export async function showOwnModel(client: Client, show: Show, model: ModelDetails): Promise<void> {
  const { name, version } = model;
  show.title(name, version);
  if (!model.ready) {
    // A member of a repository may fail alone; what must load ends the start.
    show.note(red(`not served: ${model.reason ?? model.state}`));
    return;
  }
  for (const line of signatureLines(model)) show.note(line);
  for (const warning of model.warnings ?? []) show.note(dim(`warning: ${warning}`));
  if (model.batching?.reason !== undefined) {
    show.note(dim(`requests run alone: ${model.batching.reason}`));
  }
  if (model.example === undefined) {
    show.note("No example in JSON: its tensors are large or have no form there. See /docs.");
    return;
  }
  const path = `/predict?model=${encodeURIComponent(name)}`;
  const reply = await client.post(path, model.example);
  show.exchange({ line: `POST ${path}`, body: model.example, reply });
  const differences = reply.status === 200 ? [] : [`${reply.status}: ${reply.text}`];
  show.judge(1, differences, "answered");
}

function signatureLines(model: ModelDetails): string[] {
  const rows: string[][] = [];
  const add = (kind: string, tensors: readonly TensorDetails[] = []): void => {
    for (const { name, datatype, shape, columns, labels } of tensors) {
      const size = shape.map((each) => (each < 0 ? "?" : String(each))).join(", ");
      const words = columns?.map((column) => column.name) ?? labels?.map(String) ?? [];
      rows.push([kind, name, `${datatype} [${size}]`, words.slice(0, 8).join(", ")]);
    }
  };
  add("takes", model.inputs);
  add("gives", model.outputs);
  return table(rows, []);
}
