/**
 * The middle of an inference of the Open Inference Protocol, the same whatever bytes it came in:
 * read tensors become a checked request, and outputs become what was asked for.
 *
 * Reserved parameters end here: none of them reaches a model, so none splits a batch.
 */
import { ServingError } from "../../base/index.ts";
import {
  applyTextSteps,
  emptyOutputs,
  type FieldNaming,
  formInputs,
  type Signature,
  wantedOutputs,
} from "../../model/index.ts";
import type { InferenceResponse, RequestContext } from "../../predict/index.ts";
import type { OipOutput, OipRequest, OipTensor, Tensor } from "../../tensor/index.ts";
import type { ServedVersion } from "../served-version.ts";
import type { Service } from "../service.ts";
import { bestClasses } from "./classification.ts";

/** A request that was read: the version it means, its envelope, its tensors with their elements. */
export interface ReadInference {
  readonly served: ServedVersion;
  readonly request: OipRequest;
  readonly tensors: readonly OipTensor[];
  /** How the caller spells places; the protocol's own way when absent. */
  readonly naming?: FieldNaming;
  /** The caller's word for the list of wanted outputs; `outputs` when absent. */
  readonly outputsField?: string;
}

/** What is settled about a request while it is under way. */
export interface InferenceTerms extends RequestContext {
  deadlineAtMs: number;
  priority: number;
  items: number;
  /** The caller named a deadline outside the request itself. */
  readonly hasOwnDeadline: boolean;
}

/** The wanted outputs of a request that was run. */
export interface Inferred {
  /** Indexes in the signature; `undefined` = all. */
  readonly wanted: readonly number[] | undefined;
  /** In the order asked. */
  readonly outputs: readonly Tensor[];
}

/** A request that was checked. */
export interface FormedInference {
  /** Indexes in the signature; `undefined` = all. */
  readonly wanted: readonly number[] | undefined;
  readonly items: number;
  /** After the text steps that the model declares. */
  readonly inputs: readonly (Tensor | undefined)[];
}

/** Checks the request against the signature. @throws INVALID_INPUT, LIMIT_EXCEEDED */
export function formInference(
  service: Service,
  terms: InferenceTerms,
  { served, request, tensors, naming, outputsField }: ReadInference,
): FormedInference {
  takeTerms(terms, request, service.limits.deadlineMsMax);
  const formed = formInputs(served.checks, tensors, naming);
  const names = request.outputs.map((output) => output.name);
  const { limits } = served.checks;
  const rules =
    outputsField === undefined ? limits : { outputsMax: limits.outputsMax, field: outputsField };
  const wanted = wantedOutputs(served.signature, names, rules);
  terms.items = formed.items;
  terms.times.decodedAtMs = service.clock.nowMs();
  return { wanted, items: formed.items, inputs: stepped(served.signature, formed.inputs) };
}

/**
 * Checks the request and runs it; one without items is answered at once.
 *
 * @throws INVALID_INPUT, LIMIT_EXCEEDED at once; what the predictor refuses comes by the promise
 */
export function inferTensors(
  service: Service,
  terms: InferenceTerms,
  read: ReadInference,
): Promise<Inferred> {
  const { served } = read;
  const { wanted, items, inputs } = formInference(service, terms, read);
  if (items === 0) {
    return Promise.resolve({ wanted, outputs: emptyOutputs(served.signature, wanted) });
  }
  const inference = { inputs, items, outputs: wanted, parameters: undefined };
  const done = (response: InferenceResponse): Inferred => ({ wanted, outputs: response.outputs });
  return service.infer(served, inference, terms).then(done);
}

/** The time and the urgency that the request itself asks for; the smallest time wins. */
function takeTerms(terms: InferenceTerms, request: OipRequest, deadlineMsMax: number): void {
  if (request.priority > 0) terms.priority = request.priority;
  if (request.timeoutUs === 0) return;
  const allowedMs = Math.min(request.timeoutUs / 1_000, deadlineMsMax);
  const atMs = terms.times.arrivedAtMs + allowedMs;
  terms.deadlineAtMs = terms.hasOwnDeadline ? Math.min(terms.deadlineAtMs, atMs) : atMs;
}

/** The inputs after the text steps that the model declares. */
function stepped(
  signature: Signature,
  inputs: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  if (signature.inputs.every((spec) => spec.steps.length === 0)) return inputs;
  return inputs.map((tensor, index) => {
    const steps = signature.inputs[index]?.steps ?? [];
    return tensor?.dtype === "BYTES" ? applyTextSteps(steps, tensor) : tensor;
  });
}

/** An output under its name, as its caller wants it: the tensor, or its best classes. */
export interface ShownOutput {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * The output at `position` of what was inferred.
 *
 * @param asked the outputs of the request; empty = all
 * @throws INVALID_INPUT classes of an output that has none
 */
export function shownOutput(
  { signature }: ServedVersion,
  { wanted, outputs }: Inferred,
  { position, asked }: { readonly position: number; readonly asked: readonly OipOutput[] },
): ShownOutput {
  const spec = signature.outputs[wanted?.[position] ?? position];
  const tensor = outputs[position];
  if (spec === undefined || tensor === undefined) {
    throw ServingError.from(new RangeError("more outputs than were asked"));
  }
  const classes = asked[position]?.classes ?? 0;
  if (classes === 0) return { name: spec.name, tensor };
  const hasItems = signature.layout.kind !== "none";
  return { name: spec.name, tensor: bestClasses(tensor, { spec, classes, hasItems }) };
}
